package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/session"
)

// Line is a connection on which one question is asked at a time. One goroutine uses it.
type Line struct {
	conn  net.Conn
	proto *session.Client
	in    []byte // read and not parsed
	peer  amqp.Table
	undo  func() bool

	blocked string // why the server takes no messages
}

// Server is what a server says of itself.
type Server struct {
	Name    string // a node's name, or a cluster's
	Product string
	Version string
}

// Dial connects and logs in. Until Close the line breaks when ctx ends.
func Dial(ctx context.Context, at client.Address, cfg *tls.Config) (*Line, error) {
	conn, err := dial(ctx, at, cfg)
	if err != nil {
		return nil, err
	}
	l := &Line{conn: conn}
	l.undo = context.AfterFunc(ctx, func() { conn.Close() })
	l.proto = session.NewClient(session.ClientConfig{
		Properties: amqp.Table{"product": "Postrider", "connection_name": "ping"}, VHost: at.VHost,
	})
	if err := l.login(at); err != nil {
		l.hangUp()
		return nil, because(ctx, err)
	}
	return l, nil
}

func dial(ctx context.Context, at client.Address, cfg *tls.Config) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at.Host)
	if err != nil || !at.TLS {
		return conn, err
	}
	return client.Secure(ctx, conn, at, cfg)
}

// because names the context as the reason when it broke the line.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	return err
}

func (l *Line) login(at client.Address) error {
	if err := l.write(l.proto.Hello()); err != nil {
		return err
	}
	start, err := l.await(session.Start)
	if err != nil {
		return err
	}
	l.peer = start.Method.(*amqp.ConnectionStart).ServerProperties
	b, err := l.proto.Respond("PLAIN", "\x00"+at.User+"\x00"+at.Password)
	if err != nil {
		return err
	}
	if err := l.write(b); err != nil {
		return err
	}
	_, err = l.await(session.Ready)
	return err
}

// Server returns what the server has said of itself.
func (l *Line) Server() Server {
	text := func(key string) string { s, _ := l.peer[key].(string); return s }
	return Server{Name: text("cluster_name"), Product: text("product"), Version: text("version")}
}

// Ping returns how long the server takes to open a channel: one round trip.
func (l *Line) Ping(ctx context.Context) (time.Duration, error) {
	n, open, err := l.proto.OpenChannel()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err = l.write(open); err == nil {
		_, err = l.await(session.ChannelOpen)
	}
	took := time.Since(began)
	if err == nil {
		err = l.closeChannel(n)
	}
	return took, because(ctx, err)
}

func (l *Line) closeChannel(n uint16) error {
	if err := l.write(l.proto.CloseChannel(n)); err != nil {
		return err
	}
	_, err := l.await(session.ChannelClosed)
	return err
}

// Queue is what is in a queue, or the server's refusal as an *amqp.Error: 404 when there is none.
func (l *Line) Queue(ctx context.Context, name string) (messages, consumers int, err error) {
	return l.declare(ctx, &amqp.QueueDeclare{Queue: name, Passive: true})
}

// Alike asks whether a queue that is there was declared so. It is the server's refusal as an *amqp.Error when it was not: 406, which says what differs first.
func (l *Line) Alike(ctx context.Context, name string, durable bool, args amqp.Table) error {
	_, _, err := l.declare(ctx, &amqp.QueueDeclare{Queue: name, Durable: durable, Arguments: args})
	return err
}

// declare asks on a channel of its own, which a refusal closes.
func (l *Line) declare(ctx context.Context, m *amqp.QueueDeclare) (messages, consumers int, err error) {
	n, open, err := l.proto.OpenChannel()
	if err != nil {
		return 0, 0, err
	}
	b, err := m.AppendFrame(open, n)
	if err == nil {
		err = l.write(b)
	}
	if err == nil {
		_, err = l.await(session.ChannelOpen)
	}
	if err != nil {
		return 0, 0, because(ctx, err)
	}
	answer, err := l.await(session.Reply)
	if err != nil {
		return 0, 0, because(ctx, err)
	}
	ok, isOK := answer.Method.(*amqp.QueueDeclareOk)
	if !isOK {
		return 0, 0, fmt.Errorf("the server answered with %s", answer.Method.ID())
	}
	return int(ok.MessageCount), int(ok.ConsumerCount), because(ctx, l.closeChannel(n))
}

// Blocked is why the server takes no messages for now, as it said when it was last read from; empty when it does.
func (l *Line) Blocked() string { return l.blocked }

// Close says goodbye.
func (l *Line) Close() error {
	if b := l.proto.Close(); b != nil && l.write(b) == nil {
		_, _ = l.await(session.Closed)
	}
	return l.hangUp()
}

// Abort breaks the line: what waits for an answer on it fails. Any goroutine may call it.
func (l *Line) Abort() { l.conn.Close() }

func (l *Line) hangUp() error {
	l.undo()
	return l.conn.Close()
}

func (l *Line) write(b []byte) error {
	_, err := l.conn.Write(b)
	return err
}

// await reads until an event of one of the kinds. A refusal is an *amqp.Error.
func (l *Line) await(kinds ...session.Kind) (session.Event, error) {
	for {
		f, err := l.frame()
		if err != nil {
			return session.Event{}, err
		}
		ev, err := l.proto.Receive(f)
		if err != nil {
			return ev, fmt.Errorf("the other side broke the protocol: %w", err)
		}
		if err := l.write(ev.Reply); err != nil && len(ev.Reply) > 0 {
			return ev, err
		}
		switch {
		case ev.Err != nil:
			return ev, ev.Err
		case ev.Kind == session.Blocked:
			l.blocked = cmp.Or(ev.Method.(*amqp.ConnectionBlocked).Reason, "no reason given")
		case ev.Kind == session.Unblocked:
			l.blocked = ""
		case slices.Contains(kinds, ev.Kind):
			return ev, nil
		case ev.Kind == session.Closed:
			return ev, errors.New("the other side closed the connection")
		}
	}
}

// frame reads one frame. It is valid until the next call.
func (l *Line) frame() (amqp.Frame, error) {
	for {
		rest, f, ok, err := amqp.ParseFrame(l.in, l.proto.FrameMax())
		if err != nil {
			return f, fmt.Errorf("this is no AMQP server: %w", err)
		}
		if ok {
			l.in = rest
			return f, nil
		}
		if err := l.read(); err != nil {
			return f, err
		}
	}
}

func (l *Line) read() error {
	b := make([]byte, 4096)
	n, err := l.conn.Read(b)
	l.in = append(l.in[:len(l.in):len(l.in)], b[:n]...)
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return client.ErrHungUp
	}
	return err
}

package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// A wire is a connection with one channel and nothing around it: so little that ten thousand of them
// fit into this process, and each call is a frame.
type wire struct {
	conn net.Conn
	in   []byte // received and not yet parsed
	out  []byte

	heedless func() bool // no longer ends the connection with its context
}

// wireFrame is the largest frame, in bytes.
const wireFrame = 8192

// wireTimeout bounds every wait for an answer.
const wireTimeout = time.Minute

// openWire connects from an address of the loopback network, because a broker may bound how many come from one. The connection
// ends with ctx.
func openWire(ctx context.Context, at client.Address, from net.IP) (*wire, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: wireTimeout}
	conn, err := d.DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, heedless: context.AfterFunc(ctx, func() { conn.Close() })}
	if err := w.open(at); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *wire) open(at client.Address) error {
	if _, err := w.conn.Write(amqp.ProtocolHeader[:]); err != nil {
		return err
	}
	if _, err := w.await(amqp.ConnectionStartID); err != nil {
		return err
	}
	login := &amqp.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00" + at.User + "\x00" + at.Password, Locale: "en_US"}
	if err := w.call(0, login, amqp.ConnectionTuneID); err != nil {
		return err
	}
	w.put(0, &amqp.ConnectionTuneOk{ChannelMax: 1, FrameMax: wireFrame})
	if err := w.call(0, &amqp.ConnectionOpen{VirtualHost: at.VHost}, amqp.ConnectionOpenOkID); err != nil {
		return err
	}
	return w.call(1, &amqp.ChannelOpen{}, amqp.ChannelOpenOkID)
}

func (w *wire) close() {
	w.heedless()
	w.conn.Close()
}

// put adds a method to what the next call or flush sends.
func (w *wire) put(channel uint16, m amqp.Method) {
	b, err := m.AppendFrame(w.out, channel)
	if err != nil {
		panic(err) // all names are ours
	}
	w.out = b
}

// publish adds a message without a body.
func (w *wire) publish(exchange, key string) {
	w.put(1, &amqp.BasicPublish{Exchange: exchange, RoutingKey: key})
	w.out = amqp.AppendHeaderFrame(w.out, 1, uint16(amqp.BasicPublishID>>16), 0, amqp.RawProperties{0, 0})
}

func (w *wire) flush() error {
	_, err := w.conn.Write(w.out)
	w.out = w.out[:0]
	return err
}

// call sends what there is and m, and waits for its answer.
func (w *wire) call(channel uint16, m amqp.Method, answer amqp.MethodID) error {
	_, err := w.ask(channel, m, answer)
	return err
}

// ask is call for those who want to read the answer.
func (w *wire) ask(channel uint16, m amqp.Method, answer amqp.MethodID) (amqp.Method, error) {
	w.put(channel, m)
	if err := w.flush(); err != nil {
		return nil, err
	}
	return w.await(answer)
}

// await reads until a method comes, which must be the one given.
func (w *wire) await(answer amqp.MethodID) (amqp.Method, error) {
	w.conn.SetReadDeadline(time.Now().Add(wireTimeout))
	for {
		rest, f, ok, err := amqp.ParseFrame(w.in, 0)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			if err := w.read(); err != nil {
				return nil, err
			}
			continue
		}
		m, err := methodIn(f)
		w.keep(rest)
		if err != nil {
			return nil, err
		}
		if m != nil {
			return m, expected(m, answer)
		}
	}
}

func methodIn(f amqp.Frame) (amqp.Method, error) {
	if f.Type != amqp.FrameMethod {
		return nil, nil // a heartbeat
	}
	return amqp.ParseMethod(f.Payload, nil)
}

func expected(m amqp.Method, answer amqp.MethodID) error {
	if m.ID() == answer {
		return nil
	}
	return fmt.Errorf("the broker answered %v %+v, not %v", m.ID(), m, answer)
}

func (w *wire) read() error {
	var b [4096]byte
	n, err := w.conn.Read(b[:])
	w.in = append(w.in, b[:n]...)
	return err
}

// keep holds on to no buffer when nothing is left: most connections are idle.
func (w *wire) keep(rest []byte) {
	w.in = append([]byte(nil), rest...)
}

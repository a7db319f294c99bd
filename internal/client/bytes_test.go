package client_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

var everyByte = flag.Bool("every", false, "TestAtEveryByte cuts at every byte, not at each 31st from a random one on")

// A brittle connection breaks after so many bytes were read, or written: the rest of a write is lost, though it seems to have succeeded up to there.
type brittle struct {
	net.Conn
	reads, writes *atomic.Int64 // what is left; nil: it does not break
}

var errBroke = errors.New("it broke")

// some takes up to n of what is left, and breaks the connection with the last.
func (b brittle) some(left *atomic.Int64, n int) (int, bool) {
	if left == nil {
		return n, false
	}
	after := left.Add(int64(-n))
	if after > 0 {
		return n, false
	}
	return max(0, n+int(after)), true
}

func (b brittle) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	n, broke := b.some(b.reads, n)
	if broke {
		b.Conn.Close()
		if n == 0 {
			return 0, errBroke
		}
	}
	return n, err
}

func (b brittle) Write(p []byte) (int, error) {
	n, broke := b.some(b.writes, len(p))
	if !broke {
		return b.Conn.Write(p)
	}
	if n > 0 {
		b.Conn.Write(p[:n])
	}
	b.Conn.Close()
	return n, errBroke
}

// pipes is a listener in memory.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return local{c}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return here }

// local is a connection from this machine.
type local struct{ net.Conn }

var here = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

func (local) RemoteAddr() net.Addr { return here }

// A short conversation of one who sends and one who receives breaks off at any byte, of either direction of either connection. When they are let in again
// all comes to its good end; when they are not, all ends in time, and what is said of each message is true.
func TestAtEveryByte(t *testing.T) {
	step := int64(31)
	first := rand.Int64N(step)
	if *everyByte {
		first, step = 0, 1
	}
	for _, who := range []string{"sender", "receiver"} {
		for _, way := range []string{"reads", "writes"} {
			for _, again := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s again=%v", who, way, again), func(t *testing.T) {
					for at, broke := first+1, true; broke && !t.Failed(); at += step { // until the conversation was shorter
						synctest.Test(t, func(t *testing.T) { broke = converse(t, who, way, again, at) })
					}
				})
			}
		}
	}
}

// converse reports whether a connection broke.
func converse(t *testing.T, who, way string, again bool, at int64) (broke bool) {
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s broke at byte %d, again=%v: %s", who, way, at, again, fmt.Sprintf(format, args...))
	}
	b, err := broker.Open(broker.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ln := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	go b.Serve(ln)
	left := new(atomic.Int64)
	left.Store(at)
	dials := make(map[string]int)
	var mu sync.Mutex
	connect := func(name string) *client.Conn {
		return client.New(client.Config{
			Name: name, Publishes: name == "sender", Addresses: []client.Address{{Host: "b:1", User: "guest", Password: "guest", VHost: "/"}},
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				dials[name]++
				if name == who && dials[name] > 1 && !again {
					return nil, errBroke
				}
				ours, theirs := net.Pipe()
				select {
				case ln.accept <- theirs:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				c := brittle{Conn: ours}
				if name == who && dials[name] == 1 {
					if way == "reads" {
						c.reads = left
					} else {
						c.writes = left
					}
				}
				return c, nil
			},
		})
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	sender := connect("sender")
	sender.Ensure(client.Mailbox("jobs"))
	sent := make(map[string]error)
	maybe := make(map[string]bool)
	var fates []*client.Fate
	for i := range 3 {
		f := new(client.Fate)
		id := fmt.Sprint("post", i)
		if err := sender.Publisher().Post(f, toJobs, []byte(id), []byte(id)); err != nil {
			wrong("%v", err)
		}
		fates = append(fates, f)
	}
	for i := range 3 {
		id := fmt.Sprint("send", i)
		written, err := sender.Publisher().Send(ctx, toJobs, []byte(id), []byte(id))
		sent[id], maybe[id] = err, written
	}
	sender.Close()
	for i, f := range fates {
		id := fmt.Sprint("post", i)
		select {
		case <-f.Done():
		default:
			wrong("%s has no fate after the close", id)
			continue
		}
		sent[id], maybe[id] = f.Err(), f.WasWritten()
	}
	stored := make(map[string]int)
	look := func() {
		c, err := b.Dial(broker.DialConfig{})
		if err != nil {
			t.Fatal(err)
		}
		c.Consume(context.Background(), "jobs", broker.ConsumeOptions{}, func(d broker.Delivery) { stored[string(d.Body)]++ })
		synctest.Wait()
		c.Close() // gives them back
	}
	look()
	for id, err := range sent {
		switch {
		case err == nil && stored[id] == 0:
			wrong("%s was confirmed, and is not there", id)
		case err != nil && !maybe[id] && stored[id] > 0:
			wrong("%s is certainly not delivered (%v), and is there", id, err)
		case err != nil && again && who == "sender":
			wrong("%s failed, though there was another connection: %v", id, err)
		case err != nil && !errors.Is(err, client.ErrDown) && !errors.Is(err, client.ErrClosed):
			wrong("%s: %v", id, err)
		}
	}

	receiver := connect("receiver")
	var got sync.Map
	all := make(chan struct{}, 100)
	u := receiver.Consume(client.Mailbox("jobs"), 10, func(d *client.Delivery) {
		if _, twice := got.LoadOrStore(string(d.Body), true); !twice {
			all <- struct{}{}
		}
		d.Ack()
	})
	<-u.First()
	timeout := time.After(20 * time.Second)
	n := 0
	for waiting := true; waiting && n < len(stored); {
		select {
		case <-all:
			n++
		case <-timeout:
			waiting = false
		}
	}
	if n < len(stored) && (again || who == "sender") {
		wrong("%d of %d were received", n, len(stored))
	}
	<-u.Stop()
	<-u.Release()
	receiver.Close()
	acked := len(stored)
	clear(stored)
	look()
	if len(stored) > 0 && who == "sender" {
		wrong("%d of %d are there, though all were acknowledged", len(stored), acked)
	}
	if took := time.Since(began); took > time.Minute {
		wrong("it took %v", took)
	}
	if err := u.Err(); err != nil && !errors.Is(err, client.ErrClosed) && !errors.Is(err, client.ErrDown) && !errors.Is(err, client.ErrBroken) && !errors.Is(err, errBroke) && !errors.As(err, new(*amqp.Error)) {
		wrong("the receiver: %v", err)
	}
	return left.Load() <= 0
}

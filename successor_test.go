package postrider_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// halfOpen are connections that break on the side of who dialled, while the other side does not learn of it: it writes, and nobody reads.
type halfOpen struct {
	mu  sync.Mutex
	all []*halfConn
}

type halfConn struct {
	net.Conn
	state atomic.Int32
}

// What a connection brings who dialled it.
const (
	whole  = iota
	deaf   // nothing
	broken // an error
)

// dial is a node's, by way of these connections.
func (h *halfOpen) dial(cfg *postrider.Config) {
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all = append(h.all, &halfConn{Conn: c})
		return h.all[len(h.all)-1], nil
	}
}

// become changes the state of all that there are.
func (h *halfOpen) become(state int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.all {
		c.state.Store(state)
		if state == broken {
			_ = c.SetReadDeadline(time.Now()) // who reads looks
		}
	}
	if state == broken {
		h.all = nil
	}
}

func (c *halfConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		switch state := c.state.Load(); {
		case state == broken:
			return 0, io.ErrUnexpectedEOF
		case state == whole || err != nil:
			return n, err
		}
	}
}

func (c *halfConn) Close() error {
	if c.state.Load() == whole {
		return c.Conn.Close()
	}
	go func() { // like the buffers on the way
		_ = c.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, c.Conn)
		c.Conn.Close()
	}()
	return nil
}

// A receiver that connected again has its messages in order, though its broker does not know yet that its former connection is dead: what was
// given to that one comes first.
func TestWhoConnectsAgainSucceedsItself(t *testing.T) {
	for _, way := range []string{"relayed", "mailbox"} {
		t.Run(way, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				var line halfOpen
				alice, bob := net.node("alice", onBroker), net.node("bob", relayed, line.dial)
				to, from := alice.Peer("bob", postrider.Relay()), bob.Inbox()
				if way == "mailbox" {
					to, from = alice.Mailbox("jobs"), bob.Mailbox("jobs")
				}
				net.Split("alice", "bob")
				got := collect(t, bob, from)
				send := func(i int) {
					t.Helper()
					if err := to.Send(within(t, time.Minute), fmt.Sprint(i)); err != nil {
						t.Fatal(err)
					}
				}
				send(0)
				wantBody(t, got, "0")
				for round := range 3 {
					line.become(deaf)
					send(100*round + 1)
					synctest.Wait()
					line.become(broken)
					time.Sleep(5 * time.Second)
					for i := range 10 {
						send(100*round + i + 2)
					}
					synctest.Wait()
					for i := range 11 {
						if m := wantBody(t, got, fmt.Sprint(100*round+i+1)); m.Redelivered != (i == 0) {
							t.Errorf("%s: marked redelivered: %v", m.Body, m.Redelivered)
						}
					}
				}
				wantNone(t, got)
			})
		})
	}
}

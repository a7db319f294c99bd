package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// A diary is what middleware notes.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
	d.mu.Unlock()
}

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, lines) {
		t.Errorf("noted %q, want %q", d.lines, lines)
	}
	d.lines = nil
}

func (d *diary) sends(name string) postrider.SendMiddleware {
	return func(next postrider.SendFunc) postrider.SendFunc {
		return func(ctx context.Context, m *postrider.Outgoing) error {
			d.note("%s: %s %v to %s", name, m.Verb, m.Body, m.Target)
			m.Headers["by"] = fmt.Sprint(m.Headers["by"], name)
			m.OnFate(func(g postrider.Grade, err error) { d.note("%s: %s, %t", name, g, err == nil) })
			return next(ctx, m)
		}
	}
}

func (d *diary) handles(name string) postrider.HandleMiddleware {
	return func(next postrider.Handler) postrider.Handler {
		return func(ctx context.Context, m *postrider.Message) error {
			d.note("%s: takes %s with %v", name, m.Body, m.Header("by"))
			err := next(ctx, m)
			d.note("%s: %v", name, err)
			return err
		}
	}
}

func TestMiddlewareIsPutAroundInOrder(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		out, in := new(diary), new(diary)
		alice := net.node("alice", func(c *postrider.Config) {
			c.SendMiddleware = []postrider.SendMiddleware{out.sends("first"), out.sends("second")}
		})
		bob := net.node("bob", func(c *postrider.Config) {
			c.HandleMiddleware = []postrider.HandleMiddleware{in.handles("first"), in.handles("second")}
		})
		err := bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
			if string(m.Body) == "bad" {
				return postrider.Reject(errors.New("bad"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := alice.Peer("bob").Send(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
		out.want(t, "first: send good to peer bob", "second: send good to peer bob", "first: received, true", "second: received, true")
		in.want(t, "first: takes good with <nil>firstsecond", "second: takes good with <nil>firstsecond", "second: <nil>", "first: <nil>")
		wantGrade(t, post(t, alice.Peer("bob"), "bad"), postrider.Received)
		out.want(t, "first: post bad to peer bob", "second: post bad to peer bob", "first: received, true", "second: received, true")
		in.want(t, "first: takes bad with <nil>firstsecond", "second: takes bad with <nil>firstsecond", "second: bad", "first: bad")
		if _, err := postrider.Call[string](t.Context(), alice.Peer("nobody"), "?"); !errors.Is(err, postrider.ErrNoSuchTarget) {
			t.Error(err)
		}
		out.want(t, "first: call ? to peer nobody", "second: call ? to peer nobody", "first: pending, false", "second: pending, false")
	})
}

func TestMiddlewareMayKeepAMessageOrChangeIt(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		no := errors.New("not allowed")
		alice := net.node("alice", func(c *postrider.Config) {
			c.SendMiddleware = []postrider.SendMiddleware{func(next postrider.SendFunc) postrider.SendFunc {
				return func(ctx context.Context, m *postrider.Outgoing) error {
					if m.Body == "secret" {
						return no
					}
					m.Body, m.Key = "changed", "k"
					return next(ctx, m)
				}
			}}
		})
		got := collect(t, alice, alice.Inbox())
		if err := alice.Inbox().Send(t.Context(), "secret"); !errors.Is(err, no) {
			t.Error(err)
		}
		if _, err := alice.Inbox().Post(t.Context(), "secret"); !errors.Is(err, no) {
			t.Error(err)
		}
		if err := alice.Inbox().Send(t.Context(), "a", postrider.ID("mine"), postrider.Header("h", "v")); err != nil {
			t.Fatal(err)
		}
		if m := wantBody(t, got, "changed"); m.Key() != "k" || m.ID != "mine" || m.Header("h") != "v" {
			t.Errorf("%+v %v", m, m.Headers())
		}
		wantNone(t, got)
	})
}

func TestMiddlewareLearnsThatAPostFailed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		out := new(diary)
		alice := net.node("alice", func(c *postrider.Config) { c.SendMiddleware = []postrider.SendMiddleware{out.sends("it")} })
		rc, err := alice.Peer("bob").Post(t.Context(), "late", postrider.Expires(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rc.Wait(within(t, time.Minute)); err == nil {
			t.Error("it was delivered to nobody")
		}
		out.want(t, "it: post late to peer bob", "it: pending, false")
	})
}

func TestMiddlewareLearnsThatAPostWasHandled(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		out := new(diary)
		alice := net.node("alice", func(c *postrider.Config) { c.SendMiddleware = []postrider.SendMiddleware{out.sends("it")} })
		bob := net.node("bob")
		seen := failing(t, bob, bob.Inbox(), func(_ *postrider.Message, failures int) error {
			if failures == 0 {
				return errors.New("not now")
			}
			return nil
		})
		if _, err := alice.Peer("bob").Post(t.Context(), "a", postrider.Until(postrider.Handled)); err != nil {
			t.Fatal(err)
		}
		wantSeen(t, seen, "a after 0s, 0 failures")
		out.want(t, "it: post a to peer bob")
		wantSeen(t, seen, "a after 100ms, 1 failures")
		out.want(t, "it: handled, true")
		if err := alice.Peer("bob").Send(t.Context(), "b", postrider.Until(postrider.Handled)); err != nil {
			t.Fatal(err)
		}
		out.want(t, "it: send b to peer bob", "it: handled, true")
	})
}

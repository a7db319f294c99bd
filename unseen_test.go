package postrider_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// What no handler has seen is not marked as redelivered after an orderly end, though it was on its way to one; what a handler had is.
func TestWhatNoReceiverSawIsNotMarked(t *testing.T) {
	targets := map[string]func(*postrider.Node) *postrider.Target{
		"the inbox":              (*postrider.Node).Inbox,
		"a mailbox":              func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs") },
		"one receiver at a time": func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.SingleActive()) },
		"partitions":             func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(1)) },
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inMemory(t, func(t *testing.T, net *network) {
				kept := func(c *postrider.Config) { c.Dir = dir }
				bob := net.node("bob", kept)
				begun := make(chan struct{})
				ctx, stop := context.WithCancel(t.Context())
				bob.Handle(ctx, target(bob), func(ctx context.Context, m *postrider.Message) error {
					close(begun)
					<-ctx.Done()
					return ctx.Err()
				})
				for _, body := range []string{"a", "b", "c"} {
					if err := target(bob).Send(t.Context(), body, postrider.Key("k")); err != nil {
						t.Fatal(err)
					}
				}
				<-begun
				stop()
				if err := bob.Shutdown(within(t, time.Minute)); err != nil {
					t.Fatal(err)
				}
				bob = net.node("bob", kept)
				got := collect(t, bob, target(bob))
				for _, body := range []string{"a", "b", "c"} {
					if m := wantBody(t, got, body); m.Redelivered != (body == "a") {
						t.Errorf("%s is marked as redelivered: %v", body, m.Redelivered)
					}
				}
			})
		})
	}
}

// The inbox takes what comes as it comes, for receivers that choose: what none has chosen is not marked either.
func TestWhatNobodyChoseIsNotMarked(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		kept := func(c *postrider.Config) { c.Dir = dir }
		alice, bob, carol := net.node("alice"), net.node("bob", kept), net.node("carol")
		for _, from := range []*postrider.Node{alice, carol} {
			if err := from.Peer("bob").Send(t.Context(), strings.ToUpper(from.Name())); err != nil {
				t.Fatal(err)
			}
		}
		for m, err := range bob.Messages(t.Context(), postrider.From("carol")) {
			if err != nil || string(m.Body) != "CAROL" {
				t.Fatal(m, err)
			}
			break
		}
		if err := bob.Shutdown(within(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
		bob = net.node("bob", kept)
		got := collect(t, bob, bob.Inbox())
		if m := wantBody(t, got, "ALICE"); m.Redelivered {
			t.Error("what nobody has seen is marked")
		}
		if m := wantBody(t, got, "CAROL"); !m.Redelivered {
			t.Error("what a loop had is not marked")
		}
	})
}

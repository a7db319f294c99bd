package postrider_test

import (
	"errors"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

func sharing(cfg *postrider.Config) { cfg.ShareMailboxes = true }

// A node that shares its mailboxes makes a queue again that somebody has deleted, as one does on a broker: who receives goes on, and what is sent arrives.
func TestAQueueOfThisNodeThatWasDeletedIsMadeAgain(t *testing.T) {
	for queue, target := range map[string]func(n *postrider.Node) *postrider.Target{
		"jobs":     func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs") },
		"single":   func(n *postrider.Node) *postrider.Target { return n.Mailbox("single", postrider.SingleActive()) },
		"parts.p0": func(n *postrider.Node) *postrider.Target { return n.Mailbox("parts", postrider.Partitions(1)) },
		"news.me":  func(n *postrider.Node) *postrider.Target { return n.Topic("news", postrider.Durable("me")) },
		"bob":      func(n *postrider.Node) *postrider.Target { return n.Inbox() },
		"bob.dead": func(n *postrider.Node) *postrider.Target { return n.Inbox().Dead() },
	} {
		t.Run(queue, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				bob := net.node("bob", sharing)
				to := target(bob)
				got := collect(t, bob, to)
				for range 3 {
					deletes(t, postrider.BrokerOf(bob), queue)
					time.Sleep(2 * time.Second)
					if err := to.Send(t.Context(), "a"); err != nil {
						t.Fatal(err)
					}
					wantBody(t, got, "a")
				}
			})
			inMemory(t, func(t *testing.T, net *network) {
				bob := net.node("bob", sharing)
				to := target(bob)
				if queue == "news.me" { // it is who receives that makes it
					return
				}
				for range 3 {
					if err := to.Send(t.Context(), "a"); err != nil {
						t.Fatal(err)
					}
					deletes(t, postrider.BrokerOf(bob), queue)
				}
				if _, err := post(t, to, "lost").Wait(t.Context()); !errors.Is(err, postrider.ErrNoSuchTarget) { // as it is at other brokers
					t.Error(err)
				}
				if _, err := post(t, to, "b").Wait(t.Context()); err != nil {
					t.Error(err)
				}
				wantBody(t, collect(t, bob, to), "b")
			})
		})
	}
}

// Who receives from the inbox of a node that shares its mailboxes, by its queue's name, gets single messages, as from any other queue.
func TestAnInboxThatIsSharedHoldsNoPacks(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, bob := meeting(t, net, abc, sharing)
		dave := net.node("dave", func(cfg *postrider.Config) { cfg.Brokers = []string{"amqp://bob:1"} })
		got := collect(t, dave, dave.Mailbox("bob"))
		for _, body := range abc {
			if m := wantBody(t, got, body); m.ID != body || m.From != "alice" {
				t.Errorf("%s of %s", m.ID, m.From)
			}
		}
		wantNone(t, got)
		if postrider.CameInAPack(bob) {
			t.Error("it came in a pack")
		}
	})
}

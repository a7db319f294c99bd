package postrider_test

import (
	"errors"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
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

// So it makes an exchange again: the next Send here reaches all who receive here, and what others publish does so within ten seconds.
func TestAnExchangeOfThisNodeThatWasDeletedIsMadeAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob", sharing)
		news := bob.Topic("news")
		got := []<-chan *postrider.Message{
			collect(t, bob, news), collect(t, bob, news), collect(t, bob, bob.Topic("news", postrider.Matching("eu.*"))), collect(t, bob, bob.Topic("news", postrider.Durable("me"))),
		}
		all := func(body string) {
			t.Helper()
			for _, g := range got {
				wantBody(t, g, body)
				wantNone(t, g)
			}
		}
		for range 3 {
			deletesExchange(t, postrider.BrokerOf(bob), "news")
			if err := news.Send(t.Context(), "a", postrider.Key("eu.dax")); err != nil {
				t.Fatal(err)
			}
			all("a")
		}
		dave := net.node("dave", func(cfg *postrider.Config) { cfg.Brokers = []string{"amqp://bob:1"} })
		deletesExchange(t, postrider.BrokerOf(bob), "news")
		time.Sleep(11 * time.Second)
		if err := dave.Topic("news").Send(t.Context(), "b", postrider.Key("eu.dax")); err != nil {
			t.Fatal(err)
		}
		all("b")
	})
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob", sharing)
		parts := bob.Mailbox("parts", postrider.Partitions(4))
		got := collect(t, bob, parts)
		c, err := postrider.BrokerOf(bob).Dial(broker.DialConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, x := range []string{"parts.partitions", "parts.workers"} {
			deletesExchange(t, postrider.BrokerOf(bob), x)
			for _, key := range abc {
				if err := parts.Send(t.Context(), key, postrider.Key(key)); err != nil {
					t.Fatal(err)
				}
				<-got
			}
			time.Sleep(11 * time.Second)
			if err := c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: x, Kind: "headers", Durable: true}); err == nil {
				t.Error("it was not there:", x)
			}
		}
	})
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

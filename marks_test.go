package postrider_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// A message that was handled before its receiver was started anew is not handled again when its sender sends it once more; another one is.
func TestARepeatIsKnownAfterARestart(t *testing.T) {
	places := map[string]struct {
		setUp     func(*network, *postrider.Config)
		at        func(n *postrider.Node, life int) *postrider.Target
		fromAlice func(*postrider.Node) *postrider.Target
	}{
		"at a peer": {at: func(n *postrider.Node, _ int) *postrider.Target { return n.Inbox() }, fromAlice: func(n *postrider.Node) *postrider.Target { return n.Peer("bob") }},
		"in a mailbox on a broker": {
			setUp:     func(_ *network, c *postrider.Config) { onBroker(c) },
			at:        func(n *postrider.Node, _ int) *postrider.Target { return n.Mailbox("jobs") },
			fromAlice: func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs") },
		},
		"in a mailbox of partitions": {
			setUp:     func(_ *network, c *postrider.Config) { onBroker(c) },
			at:        func(n *postrider.Node, _ int) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(2)) },
			fromAlice: func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(2)) },
		},
		"in a durable subscription": {
			setUp: func(_ *network, c *postrider.Config) { onBroker(c) },
			at: func(n *postrider.Node, _ int) *postrider.Target {
				return n.Topic("prices", postrider.Durable("book"))
			},
			fromAlice: func(n *postrider.Node) *postrider.Target { return n.Topic("prices") },
		},
		"in a durable subscription with ever more patterns": {
			setUp: func(_ *network, c *postrider.Config) { onBroker(c) },
			at: func(n *postrider.Node, life int) *postrider.Target {
				patterns := []string{"k"}
				for i := range 10 * life {
					patterns = append(patterns, fmt.Sprintf("%0200d", i))
				}
				return n.Topic("prices", postrider.Durable("book"), postrider.Matching(patterns...))
			},
			fromAlice: func(n *postrider.Node) *postrider.Target { return n.Topic("prices") },
		},
		"in a mailbox that has one receiver at a time, which not all ask for": {
			setUp: func(_ *network, c *postrider.Config) { onBroker(c) },
			at: func(n *postrider.Node, life int) *postrider.Target {
				if life == 1 {
					return n.Mailbox("jobs")
				}
				return n.Mailbox("jobs", postrider.SingleActive())
			},
			fromAlice: func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.SingleActive()) },
		},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				node := func(name string) *postrider.Node {
					return net.node(name, func(c *postrider.Config) {
						if place.setUp != nil {
							place.setUp(net, c)
						}
						if name == "bob" {
							c.Dir = dir
						}
					})
				}
				alice := node("alice")
				send := func(id string) {
					t.Helper()
					err := place.fromAlice(alice).Send(within(t, time.Minute), id, postrider.ID(id), postrider.Key("k"))
					if err != nil {
						t.Fatal(err)
					}
				}
				for life, ids := range [][]string{{"1", "2"}, {"2", "3", "1"}, {"3", "4"}} {
					bob := node("bob")
					got := collect(t, bob, place.at(bob, life))
					for _, id := range ids {
						send(id)
					}
					for _, id := range ids {
						if id > ids[0] || life == 0 {
							wantBody(t, got, id)
						}
					}
					wantNone(t, got)
					if err := bob.Shutdown(within(t, time.Minute)); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// A mailbox is one thing, in however many ways a node receives from it: what was handled in one is not handled again in another.
func TestARepeatIsKnownInWhateverWayAMailboxIsNamed(t *testing.T) {
	audit := func(n *postrider.Node, patterns ...string) *postrider.Target {
		return n.Topic("prices", postrider.Durable("audit"), postrider.Matching(patterns...))
	}
	for name, at := range map[string]func(*testing.T, *postrider.Node) []*postrider.Target{
		"with other patterns": func(t *testing.T, n *postrider.Node) []*postrider.Target {
			return []*postrider.Target{audit(n, "k"), audit(n, "k", "l")}
		},
		"by its queue": func(t *testing.T, n *postrider.Node) []*postrider.Target {
			return []*postrider.Target{audit(n, "k"), n.Mailbox("prices.audit")}
		},
		"by its queue, one receiver at a time": func(t *testing.T, n *postrider.Node) []*postrider.Target {
			single := n.Mailbox("prices.audit", postrider.SingleActive())
			if err := single.Send(t.Context(), "first", postrider.ID("first")); err != nil {
				t.Fatal(err)
			}
			return []*postrider.Target{single, audit(n, "k")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
				got := make(chan string, 100)
				receive := func(at *postrider.Target) (leave func()) {
					ctx, leave := context.WithCancel(t.Context())
					err := bob.Handle(ctx, at, func(_ context.Context, m *postrider.Message) error {
						got <- m.ID
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					return leave
				}
				all := at(t, bob)
				leave := receive(all[0])
				receive(all[1])
				send := func(id string) {
					t.Helper()
					for range 4 {
						if err := alice.Topic("prices").Send(t.Context(), id, postrider.ID(id), postrider.Key("k")); err != nil {
							t.Fatal(err)
						}
					}
				}
				send("a")
				send("b")
				synctest.Wait()
				leave()
				synctest.Wait()
				send("a")
				send("c")
				synctest.Wait()
				var handled []string
				for len(got) > 0 {
					handled = append(handled, <-got)
				}
				slices.Sort(handled)
				if handled = slices.DeleteFunc(handled, func(id string) bool { return id == "first" }); !slices.Equal(handled, []string{"a", "b", "c"}) {
					t.Errorf("handled %q", handled)
				}
			})
		})
	}
}

// So it is with the dead letters of an inbox, which are a mailbox beside others where there is no broker.
func TestARepeatIsKnownAmongTheDeadLettersOfAnInbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob")
		one, two := collect(t, bob, bob.Inbox().Dead()), collect(t, bob, bob.Mailbox("bob.dead"))
		for range 4 {
			if err := bob.Mailbox("bob.dead").Send(t.Context(), "x", postrider.ID("x")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := len(one) + len(two); n != 1 {
			t.Errorf("handled %d times", n)
		}
	})
}

// A receiver is killed when its handler has returned, and nothing is on the disk yet of what it has acknowledged but that it was handled. Its
// next life does not handle it again; without that note it would.
func TestAKilledReceiverKnowsWhatItHandled(t *testing.T) {
	for _, noted := range []bool{true, false} {
		dir, copied := t.TempDir(), t.TempDir()
		inMemory(t, func(t *testing.T, net *network) {
			in := func(dir string) func(*postrider.Config) {
				return func(c *postrider.Config) { c.Dir = dir }
			}
			alice, bob := net.node("alice"), net.node("bob", in(dir))
			for _, body := range []string{"a", "b"} {
				if err := alice.Peer("bob").Send(t.Context(), body); err != nil {
					t.Fatal(err)
				}
			}
			got := collect(t, bob, bob.Inbox())
			wantBody(t, got, "a")
			wantBody(t, got, "b")
			synctest.Wait() // and no time goes by: what was settled is written down after some milliseconds
			if err := os.CopyFS(filepath.Join(copied, "bob"), os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if !noted {
				if err := os.RemoveAll(filepath.Join(copied, "bob", "handled")); err != nil {
					t.Fatal(err)
				}
			}
			bob.Close()
			bob = net.node("bob", in(filepath.Join(copied, "bob")))
			again := collect(t, bob, bob.Inbox())
			if !noted {
				wantBody(t, again, "a")
				wantBody(t, again, "b")
			}
			if err := alice.Peer("bob").Send(within(t, time.Minute), "c"); err != nil {
				t.Fatal(err)
			}
			wantBody(t, again, "c")
			wantNone(t, again)
		})
	}
}

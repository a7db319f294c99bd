package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// What waits behind a busy handler was received, and is handled before the node ends; so is what a loop has not come to.
func TestShutdownHandlesWhatWaitsInTheInbox(t *testing.T) {
	receive := map[string]func(t *testing.T, bob *postrider.Node, handle func(*postrider.Message)){
		"a handler": func(t *testing.T, bob *postrider.Node, handle func(*postrider.Message)) {
			bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
				handle(m)
				return nil
			})
		},
		"a loop": func(t *testing.T, bob *postrider.Node, handle func(*postrider.Message)) {
			go func() {
				for m, err := range bob.Messages(t.Context()) {
					if errors.Is(err, postrider.ErrClosed) {
						return
					}
					handle(m)
					m.Ack()
				}
			}()
			synctest.Wait()
		},
		"a loop over what one has sent": func(t *testing.T, bob *postrider.Node, handle func(*postrider.Message)) {
			go func() {
				for m, err := range bob.Messages(t.Context(), postrider.From("alice")) {
					if err != nil {
						return
					}
					handle(m)
					m.Ack()
				}
			}()
			synctest.Wait()
		},
	}
	for name, receive := range receive {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				alice, bob := net.node("alice"), net.node("bob")
				var handled []string
				receive(t, bob, func(m *postrider.Message) {
					time.Sleep(time.Second)
					handled = append(handled, string(m.Body))
				})
				for _, body := range []string{"a", "b", "c"} {
					wantGrade(t, post(t, alice.Peer("bob"), body), postrider.Received)
				}
				if err := bob.Shutdown(within(t, time.Minute)); err != nil {
					t.Error(err)
				}
				if !slices.Equal(handled, []string{"a", "b", "c"}) {
					t.Error("handled", handled)
				}
			})
		})
	}
}

// wantLost checks what a Shutdown says of messages that nobody handled.
func wantLost(t *testing.T, err error, ids ...string) {
	t.Helper()
	var lost *postrider.LostError
	if !errors.As(err, &lost) {
		t.Fatalf("%v tells of no lost message", err)
	}
	slices.Sort(lost.IDs)
	if lost.Messages != len(ids) || !slices.Equal(lost.IDs, ids) || !strings.Contains(lost.Error(), ids[0]) {
		t.Errorf("%d messages are lost, %v; want %v: %v", lost.Messages, lost.IDs, ids, lost)
	}
}

func TestShutdownCountsWhatNobodyHandled(t *testing.T) {
	send := func(t *testing.T, from *postrider.Node, ids ...string) {
		t.Helper()
		for _, id := range ids {
			if err := from.Peer("bob").Send(t.Context(), "x", postrider.ID(id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tell := func(name string, story func(t *testing.T, alice, bob *postrider.Node)) {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) { story(t, net.node("alice"), net.node("bob")) })
		})
	}
	tell("for there was no handler", func(t *testing.T, alice, bob *postrider.Node) {
		send(t, alice, "a", "b")
		wantLost(t, bob.Shutdown(within(t, time.Hour)), "a", "b")
	})
	tell("for its loop was for another sender", func(t *testing.T, alice, bob *postrider.Node) {
		go func() {
			for _, err := range bob.Messages(t.Context(), postrider.From("carol")) {
				if err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		send(t, alice, "a")
		wantLost(t, bob.Shutdown(within(t, time.Hour)), "a")
	})
	tell("in time", func(t *testing.T, alice, bob *postrider.Node) {
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		send(t, alice, "a", "b", "c")
		err := bob.Shutdown(within(t, 90*time.Second))
		wantLost(t, err, "b", "c")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	tell("for it had failed and was to be tried again", func(t *testing.T, alice, bob *postrider.Node) {
		bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error { return errors.New("not now") })
		send(t, alice, "a")
		synctest.Wait()
		wantLost(t, bob.Shutdown(within(t, time.Hour)), "a")
	})
	tell("and only the first ones by name", func(t *testing.T, alice, bob *postrider.Node) {
		send(t, alice, "a", "b", "c", "d", "e", "f", "g")
		err := bob.Shutdown(within(t, time.Hour))
		var lost *postrider.LostError
		if !errors.As(err, &lost) || lost.Messages != 7 || len(lost.IDs) != 5 || lost.Inbox != 7 || !strings.Contains(err.Error(), "7 in the inbox (a, b, c, d, e, …)") {
			t.Error(err)
		}
	})
}

// A node without brokers and without a directory has its mailboxes in its memory. What waits there is handled before it ends, and so is what
// that leads to.
func TestShutdownEmptiesMailboxesInMemory(t *testing.T) {
	kinds := map[string][]postrider.MailboxOption{"a queue": nil, "partitions": {postrider.Partitions(2)}, "one receiver at a time": {postrider.SingleActive()}}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				shop := net.node("shop")
				orders, bills := shop.Mailbox("orders", kind...), shop.Mailbox("bills", kind...)
				shop.Handle(t.Context(), orders, func(ctx context.Context, m *postrider.Message) error {
					time.Sleep(time.Second)
					return bills.Send(ctx, m.Body, postrider.Key("bills"))
				})
				var billed []string
				shop.Handle(t.Context(), bills, func(_ context.Context, m *postrider.Message) error {
					time.Sleep(time.Second)
					billed = append(billed, string(m.Body))
					return nil
				})
				for _, body := range []string{"a", "b", "c"} {
					if err := orders.Send(t.Context(), body, postrider.Key("orders")); err != nil {
						t.Fatal(err)
					}
				}
				if err := shop.Shutdown(within(t, time.Minute)); err != nil {
					t.Error(err)
				}
				if !slices.Equal(billed, []string{"a", "b", "c"}) {
					t.Error("billed", billed)
				}
			})
		})
	}
}

func TestShutdownCountsWhatIsLostInMailboxes(t *testing.T) {
	tell := func(name string, want map[string]int, story func(t *testing.T, shop *postrider.Node) (within time.Duration)) {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				shop := net.node("shop")
				d := story(t, shop)
				synctest.Wait()
				began := time.Now()
				err := shop.Shutdown(within(t, time.Hour))
				if took := time.Since(began); took > d {
					t.Errorf("it took %v, and there was nothing to wait for after %v", took, d)
				}
				var lost *postrider.LostError
				if !errors.As(err, &lost) || lost.Inbox != 0 || !maps.Equal(lost.Mailboxes, want) {
					t.Fatalf("lost is %v: %v", want, err)
				}
				if _, dead := want["orders.dead"]; dead == strings.Contains(err.Error(), "give Shutdown more time") {
					t.Errorf("who is given up needs no more time: %v", err)
				}
				for box, count := range want {
					if text := fmt.Sprintf("%d in mailbox %s", count, box); !strings.Contains(err.Error(), text) || len(lost.IDs) != min(5, lost.Messages) {
						t.Errorf("%v does not say %q", err, text)
					}
				}
			})
		})
	}
	fill := func(t *testing.T, box *postrider.Target, bodies ...string) {
		t.Helper()
		for _, body := range bodies {
			if err := box.Send(t.Context(), body, postrider.Key(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	failing := func(err error) postrider.Handler {
		return func(context.Context, *postrider.Message) error { return err }
	}
	tell("nobody receives", map[string]int{"orders": 2, "bills": 4, "news.me": 1}, func(t *testing.T, shop *postrider.Node) time.Duration {
		fill(t, shop.Mailbox("orders"), "a", "b")
		fill(t, shop.Mailbox("bills", postrider.Partitions(3)), "a", "b", "c", "d")
		ctx, cancel := context.WithCancel(t.Context())
		shop.Handle(ctx, shop.Topic("news", postrider.Durable("me")), failing(nil))
		cancel()
		synctest.Wait()
		fill(t, shop.Topic("news"), "a")
		return 0
	})
	tell("nobody receives any more", map[string]int{"orders": 2}, func(t *testing.T, shop *postrider.Node) time.Duration {
		fill(t, shop.Mailbox("orders"), "a", "b")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		shop.Handle(ctx, shop.Mailbox("orders"), func(ctx context.Context, _ *postrider.Message) error {
			<-ctx.Done()
			return ctx.Err()
		})
		return time.Second
	})
	tell("it waits to be tried again", map[string]int{"orders": 1, "bills": 2}, func(t *testing.T, shop *postrider.Node) time.Duration {
		fill(t, shop.Mailbox("orders"), "a")
		bills := shop.Mailbox("bills", postrider.Partitions(3))
		fill(t, bills, "a", "a")
		shop.Handle(t.Context(), shop.Mailbox("orders"), failing(postrider.Retry(time.Minute)))
		shop.Handle(t.Context(), bills, failing(postrider.Retry(time.Minute)))
		return time.Second
	})
	tell("it waits to be tried again, and the rest was handled meanwhile", map[string]int{"bills": 1}, func(t *testing.T, shop *postrider.Node) time.Duration {
		bills := shop.Mailbox("bills", postrider.Partitions(2))
		fill(t, bills, "a", "b", "c", "d", "e", "f")
		handler := func(_ context.Context, m *postrider.Message) error {
			if string(m.Body) == "a" {
				return postrider.Retry(10 * time.Hour)
			}
			time.Sleep(time.Minute)
			return nil
		}
		shop.Handle(t.Context(), bills, handler, postrider.Workers(3))
		shop.Handle(t.Context(), bills, handler, postrider.Workers(3)) // each of the two has a partition, and one of them holds nothing
		return 5 * time.Minute
	})
	tell("it is dead", map[string]int{"orders.dead": 1}, func(t *testing.T, shop *postrider.Node) time.Duration {
		fill(t, shop.Mailbox("orders"), "a")
		shop.Handle(t.Context(), shop.Mailbox("orders"), failing(postrider.Reject(errors.New("bad"))))
		return 0
	})
	tell("a loop was left with it", map[string]int{"orders": 1}, func(t *testing.T, shop *postrider.Node) time.Duration {
		fill(t, shop.Mailbox("orders"), "a")
		for range shop.Messages(t.Context(), postrider.Of(shop.Mailbox("orders"))) {
			break
		}
		return 0
	})
}

// With a directory nothing is lost: what was not handled in half of the time there is, is there after the restart.
func TestWhatIsNotHandledInTimeWaitsForTheNextStart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		kept := func(c *postrider.Config) { c.Dir = dir }
		alice, bob := net.node("alice"), net.node("bob", kept)
		handled := 0
		bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
			time.Sleep(20 * time.Second)
			handled++
			return nil
		})
		for _, body := range []string{"a", "b", "c", "d"} {
			if err := alice.Peer("bob").Send(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
		if err := bob.Shutdown(within(t, time.Minute)); err != nil || handled != 2 {
			t.Errorf("%d messages were handled, want 2 of 20 s each in half a minute: %v", handled, err)
		}
		bob = net.node("bob", kept)
		got := collect(t, bob, bob.Inbox())
		wantBody(t, got, "c")
		wantBody(t, got, "d")
		wantNone(t, got)
	})
}

// Handlers may do what they like while their node shuts down.
func TestHandlersWhileTheirNodeShutsDown(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		handled := make(chan error, 10)
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			time.Sleep(time.Second)
			switch string(m.Body) {
			case "shut down":
				handled <- bob.Shutdown(ctx)
			case "to yourself":
				handled <- bob.Inbox().Send(ctx, "x")
			case "to your mailbox":
				_, err := postrider.Call[string](ctx, bob.Mailbox("jobs"), "x")
				handled <- err
			case "back":
				handled <- bob.Peer("alice").Send(ctx, "x")
			}
			return nil
		})
		bob.Handle(t.Context(), bob.Mailbox("jobs"), func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, "y") })
		for _, body := range []string{"shut down", "to yourself", "to your mailbox", "back"} {
			wantGrade(t, post(t, alice.Peer("bob"), body), postrider.Received)
		}
		if err := bob.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		if err := <-handled; err == nil || !strings.Contains(err.Error(), "goroutine of its own") {
			t.Error("a handler that waits for its own end:", err)
		}
		if err := <-handled; !errors.Is(err, postrider.ErrClosed) {
			t.Error("a message to its own inbox:", err)
		}
		for range 2 {
			if err := <-handled; err != nil {
				t.Error(err)
			}
		}
	})
}

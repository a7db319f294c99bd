package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// meeting has alice post messages, whose bodies are their ids, while bob is not there: they go out as a pack when he is. It returns when he has them.
func meeting(t *testing.T, net *network, bodies []string, change ...func(*postrider.Config)) (alice, bob *postrider.Node) {
	t.Helper()
	alice = net.node("alice")
	receipts := ahead(t, alice, bodies)
	bob = net.node("bob", change...)
	for _, r := range receipts {
		wantGrade(t, r, postrider.Received)
	}
	return alice, bob
}

func together(t *testing.T, net *network, bodies []string, change ...func(*postrider.Config)) *postrider.Node {
	t.Helper()
	_, bob := meeting(t, net, bodies, change...)
	return bob
}

func ahead(t *testing.T, from *postrider.Node, bodies []string) (receipts []*postrider.Receipt) {
	t.Helper()
	for _, body := range bodies {
		r, err := from.Peer("bob").Post(t.Context(), body, postrider.ID(body))
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	return receipts
}

func wantPacked(t *testing.T, n *postrider.Node) {
	t.Helper()
	if !postrider.CameInAPack(n) {
		t.Error("nothing came in a pack: this test shows nothing")
	}
}

var abc = []string{"a", "b", "c"}

// What waited together comes together, and each is a message of its own: with its id, its receipt and its place.
func TestWhatIsPackedIsReceivedOneByOne(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var bodies []string
		for i := range 1000 {
			bodies = append(bodies, fmt.Sprint("message ", i))
		}
		bob := together(t, net, bodies)
		got := collect(t, bob, bob.Inbox())
		for _, body := range bodies {
			m := wantBody(t, got, body)
			if m.ID != body || m.From != "alice" || m.To != "bob" || m.ContentType != postrider.TypeText || m.Redelivered || len(m.Headers()) != 0 {
				t.Fatalf("%+v", m)
			}
		}
		wantNone(t, got)
		wantPacked(t, bob)
	})
}

// One of them that fails is tried again by itself, under its id, and one that is put back comes again; the others are not touched.
func TestOneOfAPackIsTriedAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, []string{"fails", "fine", "put back", "rejected", "dead in time"})
		var order []string
		bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
			f, failed := m.Failure()
			order = append(order, fmt.Sprint(m.ID, " ", m.Redelivered, " ", f.Tries))
			switch {
			case m.ID == "fails" && !failed:
				return errors.New("not now")
			case m.ID == "put back" && !m.Redelivered:
				return m.Requeue()
			case m.ID == "rejected":
				return postrider.Reject(errors.New("never"))
			}
			return nil
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		slices.Sort(order)
		want := []string{"dead in time false 0", "fails false 0", "fails true 1", "fine false 0", "put back false 0", "put back true 0", "rejected false 0"}
		if !slices.Equal(order, want) {
			t.Errorf("handled %q, want %q", order, want)
		}
		dead := wantBody(t, collect(t, bob, bob.Inbox().Dead()), "rejected")
		if dead.ID != "rejected" || dead.From != "alice" {
			t.Errorf("the dead letter is %+v", dead)
		}
		wantPacked(t, bob)
	})
}

// A message that was handled is not handled again because another one of its pack was not: the sender, who hears of the whole, sends all of it
// again when the connection breaks.
func TestARepeatedPackIsNotHandledTwice(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := meeting(t, net, abc)
		got := collect(t, bob, bob.Inbox())
		ahead(t, alice, abc) // the same ids
		for _, body := range abc {
			wantBody(t, got, body)
		}
		wantNone(t, got)
		wantPacked(t, bob)
	})
}

// Where a node shares its mailboxes, a peer's address may end in one. Who receives from it takes no packs.
func TestAPeersAddressMayEndInASharedMailbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob", func(c *postrider.Config) { c.ShareMailboxes = true })
		got := collect(t, bob, bob.Mailbox("jobs"))
		alice := net.node("alice")
		for _, body := range abc { // all before there is a connection
			post(t, alice.Peer("amqp://bob:1/jobs"), body)
		}
		for _, body := range abc {
			wantBody(t, got, body)
		}
	})
}

// A receiver can choose what one sender has sent, also out of packs; the rest stays for another.
func TestPacksOfOneSenderAreChosen(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, abc)
		ahead(t, net.node("carol"), []string{"d", "e"})
		synctest.Wait()
		wants := map[string][]string{"carol": {"d", "e"}, "alice": abc}
		for _, from := range []string{"carol", "alice"} {
			for m, err := range bob.Messages(within(t, time.Minute), postrider.From(from)) {
				if err != nil || m.From != from || string(m.Body) != wants[from][0] {
					t.Fatalf("%s's %s, want %v: %v", m.From, m.Body, wants[from], err)
				}
				m.Ack()
				if wants[from] = wants[from][1:]; len(wants[from]) == 0 {
					break
				}
			}
		}
		if err := bob.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		wantPacked(t, bob)
	})
}

// A receiver that stops leaves what it has not come to for the next one, in order and not marked.
func TestTheNextReceiverGetsTheRestOfAPack(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, abc)
		for m, err := range bob.Messages(t.Context()) {
			if err != nil || string(m.Body) != "a" {
				t.Fatal(m, err)
			}
			m.Ack()
			break
		}
		got := collect(t, bob, bob.Inbox())
		for _, body := range abc[1:] {
			if m := wantBody(t, got, body); m.Redelivered {
				t.Errorf("%s is marked as redelivered", body)
			}
		}
		wantNone(t, got)
		wantPacked(t, bob)
	})
}

// A receiver that gave one back has seen it, though it is put back again when that receiver stops.
func TestWhatWasGivenBackOfAPackStaysMarked(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, abc)
		for m, err := range bob.Messages(t.Context()) {
			if err != nil || string(m.Body) != "a" {
				t.Fatal(m, err)
			}
			m.Requeue()
			break
		}
		got := collect(t, bob, bob.Inbox())
		for range abc {
			if m := <-got; m.Redelivered != (string(m.Body) == "a") {
				t.Errorf("%s is marked as redelivered: %v", m.Body, m.Redelivered)
			}
		}
		wantNone(t, got)
		wantPacked(t, bob)
	})
}

// What is lost of a pack at the end is what was not handled.
func TestWhatIsLostOfAPackIsCounted(t *testing.T) {
	for name, handler := range map[string]func(ctx context.Context) error{
		"while one is handled": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"and waits to be tried again": func(context.Context) error { return postrider.Retry(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				bob := together(t, net, []string{"a", "b", "c", "d"})
				bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
					if m.ID == "a" || m.ID == "d" {
						return nil
					}
					return handler(ctx)
				})
				synctest.Wait()
				err := bob.Shutdown(within(t, time.Minute))
				if name == "while one is handled" {
					wantLost(t, err, "b", "c", "d")
				} else {
					wantLost(t, err, "b", "c")
				}
				wantPacked(t, bob)
			})
		})
	}
	t.Run("that nobody has received", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			bob := together(t, net, abc)
			synctest.Wait()
			wantLost(t, bob.Shutdown(within(t, time.Minute)), abc...)
		})
	})
}

// With a directory the rest of a pack is there after a restart, and what was handled of it is known.
func TestTheRestOfAPackIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		kept := func(c *postrider.Config) { c.Dir = dir }
		bob := together(t, net, []string{"a", "b", "c", "d"}, kept)
		var handled []string
		bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
			time.Sleep(20 * time.Second)
			return nil
		})
		synctest.Wait()
		if err := bob.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		wantPacked(t, bob)
		bob = net.node("bob", kept)
		got := collect(t, bob, bob.Inbox())
		for _, body := range []string{"c", "d"} {
			handled = append(handled, string(wantBody(t, got, body).Body))
		}
		wantNone(t, got)
		if err := bob.Shutdown(within(t, time.Minute)); err != nil || len(handled) != 2 {
			t.Error(handled, err)
		}
	})
}

// What nobody has received of it comes back as it was.
func TestAPackThatNobodySawIsNotMarked(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		kept := func(c *postrider.Config) { c.Dir = dir }
		bob := together(t, net, abc, kept)
		loop, stop := context.WithCancel(t.Context())
		go func() {
			for _, err := range bob.Messages(loop, postrider.From("carol")) { // the inbox takes in what comes
				if err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		stop()
		if err := bob.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		bob = net.node("bob", kept)
		got := collect(t, bob, bob.Inbox())
		for _, body := range abc {
			if m := wantBody(t, got, body); m.Redelivered {
				t.Errorf("%s is marked as redelivered", body)
			}
		}
		wantPacked(t, bob)
	})
}

// The bound of an inbox counts messages, not packs; a pack that does not fit is refused as a whole, and its senders are told.
func TestAPackThatDoesNotFitIsRefused(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		var receipts []*postrider.Receipt
		for i := range 1000 {
			receipts = append(receipts, ahead(t, alice, []string{fmt.Sprint(i)})...)
		}
		bob := net.node("bob", func(c *postrider.Config) { c.InboxMessages = 500 })
		received, refused := 0, 0
		for _, r := range receipts {
			switch _, err := r.Wait(within(t, time.Minute)); {
			case err == nil:
				received++
			case errors.Is(err, postrider.ErrFull):
				refused++
			default:
				t.Fatal(err)
			}
		}
		got := collect(t, bob, bob.Inbox())
		synctest.Wait()
		if received > 500 || received < 500-500/64 || received+refused != 1000 || len(got) != received {
			t.Errorf("%d were received and %d refused by an inbox for 500, and %d came to the handler", received, refused, len(got))
		}
		wantPacked(t, bob)
	})
}

// The id of a message in a pack is the one that its receipt tells, be it generated or the sender's own, and whoever takes the pack apart.
func TestIDsInPacksAreThoseOfTheirReceipts(t *testing.T) {
	for _, workers := range []int{1, 3} {
		inMemory(t, func(t *testing.T, net *network) {
			alice := net.node("alice")
			want := map[string]string{}
			for i := range 500 {
				body := fmt.Sprint(i)
				var opts []postrider.SendOption
				if i%7 == 0 {
					opts = append(opts, postrider.ID("own "+body))
				}
				r, err := alice.Peer("bob").Post(t.Context(), body, opts...)
				if err != nil {
					t.Fatal(err)
				}
				want[r.ID()] = body
			}
			bob := net.node("bob")
			var mu sync.Mutex
			failed := map[string]bool{}
			got := map[string]string{}
			bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
				mu.Lock()
				defer mu.Unlock()
				if len(got)%5 == 0 && !failed[m.ID] { // it comes again, by itself
					failed[m.ID] = true
					return errors.New("not now")
				}
				got[m.ID] = string(m.Body)
				return nil
			}, postrider.Workers(workers))
			time.Sleep(time.Minute)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !maps.Equal(got, want) {
				t.Errorf("%d workers: %d messages came, of %d, or under other ids", workers, len(got), len(want))
			}
			wantPacked(t, bob)
		})
	}
}

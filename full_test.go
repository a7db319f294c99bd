package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

func TestAFullInboxSaysSoAtOnce(t *testing.T) {
	for what, bound := range map[string]func(*postrider.Config){
		"messages": func(cfg *postrider.Config) { cfg.InboxMessages = 2 },
		"bytes":    func(cfg *postrider.Config) { cfg.InboxBytes = 10 },
	} {
		t.Run(what, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				alice, bob := net.node("alice"), net.node("bob", bound)
				to := alice.Peer("bob")
				began := time.Now()
				for _, body := range []string{"first", "other"} {
					if err := to.Send(t.Context(), body); err != nil {
						t.Fatal(err)
					}
				}
				e := fate(t, to.Send(context.Background(), "third"), false, postrider.ErrFull)
				if e.Stage != postrider.AtTarget || !strings.Contains(e.Error(), "inbox there is full") || !strings.Contains(e.Error(), "Config.InboxMessages") {
					t.Error(e)
				}
				_, err := post(t, to, "fourth").Wait(t.Context())
				fate(t, err, false, postrider.ErrFull)
				_, err = postrider.Call[string](t.Context(), to, "fifth")
				fate(t, err, false, postrider.ErrFull)
				fate(t, bob.Inbox().Send(t.Context(), "sixth"), false, postrider.ErrFull)
				if _, err := to.Ping(t.Context()); err != nil {
					t.Error("a ping waits behind nothing:", err)
				}
				for m, err := range bob.Messages(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					fate(t, to.Send(t.Context(), "while the first is in hand"), false, postrider.ErrFull)
					m.Ack()
					break
				}
				time.Sleep(2 * time.Millisecond) // what is acknowledged beside others is settled within one
				if err := to.Send(t.Context(), "room!"); err != nil {
					t.Error(err)
				}
				got := collect(t, bob, bob.Inbox())
				wantBody(t, got, "other")
				wantBody(t, got, "room!")
				if took := time.Since(began); took > time.Second {
					t.Error("it took", took)
				}
			})
		})
	}
}

// A message that is larger than the bound passes when it is alone; a failure waits elsewhere and is let in again.
func TestWhatIsTriedAgainFindsRoomInAFullInbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		bob := net.node("bob", func(cfg *postrider.Config) { cfg.InboxBytes = 10 })
		to := alice.Peer("bob")
		if err := to.Send(t.Context(), "longer than ten"); err != nil {
			t.Fatal(err)
		}
		failed, again := make(chan struct{}), make(chan string, 2)
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			if _, before := m.Failure(); !before && len(m.Body) > 10 {
				close(failed)
				return errors.New("not now")
			}
			again <- string(m.Body)
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
			}
			return nil
		})
		<-failed
		synctest.Wait()
		if err := to.Send(t.Context(), "0123456789"); err != nil {
			t.Fatal(err)
		}
		fate(t, to.Send(t.Context(), "x"), false, postrider.ErrFull)
		if first, second := <-again, <-again; first != "0123456789" || second != "longer than ten" {
			t.Errorf("%q, then %q", first, second)
		}
	})
}

// Both inboxes are full of what the other one waits for. Answers and receipts need no room in them.
func TestNodesWithFullInboxesAnswerEachOther(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		few := func(cfg *postrider.Config) { cfg.InboxMessages = 4 }
		alice, bob := net.node("alice", few), net.node("bob", few)
		over := make(chan error)
		for _, way := range []struct {
			from *postrider.Node
			to   string
		}{{alice, "bob"}, {bob, "alice"}} {
			to := way.from.Peer(way.to)
			for range 2 {
				go func() {
					answer, err := postrider.Call[string](t.Context(), to, "who?")
					if err == nil && answer != way.to {
						err = errors.New("answered by " + answer)
					}
					over <- err
				}()
				go func() { over <- to.Send(t.Context(), "done?", untilHandled) }()
			}
		}
		synctest.Wait()
		fate(t, alice.Peer("bob").Send(t.Context(), "x"), false, postrider.ErrFull)
		fate(t, bob.Peer("alice").Send(t.Context(), "x"), false, postrider.ErrFull)
		for _, n := range []*postrider.Node{alice, bob} {
			err := n.Handle(t.Context(), n.Inbox(), func(ctx context.Context, m *postrider.Message) error {
				return m.Reply(ctx, n.Name())
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 8 {
			if err := <-over; err != nil {
				t.Error(err)
			}
		}
	})
}

// The connection breaks while the inbox is full. Who asked to know that his message was handled asks again over the new
// one, is refused for want of room, and is told all the same.
func TestAReceiptIsAskedForAgainAtAFullInbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		l := net.listen("bob:1")
		bob := net.node("bob", func(cfg *postrider.Config) { cfg.Listener, cfg.InboxMessages = l, 2 })
		rc, err := alice.Peer("bob").Post(t.Context(), "done?", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		wantGrade(t, post(t, alice.Peer("bob"), "fills it"), postrider.Received)
		l.cut()
		time.Sleep(time.Second)
		collect(t, bob, bob.Inbox())
		wantGrade(t, rc, postrider.Handled)
	})
}

// So it is when the sender's own outbox is full at the moment at which the connection breaks.
func TestAReceiptIsAskedForAgainThroughAFullOutbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.OutboxMessages = 10 })
		bob := net.node("bob")
		handle := make(chan struct{})
		err := bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
			<-handle
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var receipts []*postrider.Receipt
		for i := range 8 {
			rc, err := alice.Peer("bob").Post(t.Context(), fmt.Sprint("done? ", i), untilHandled)
			if err != nil {
				t.Fatal(err)
			}
			receipts = append(receipts, rc)
		}
		time.Sleep(time.Second) // they are in the inbox
		net.Mute("bob")
		for i := range 10 {
			if _, err := alice.Peer("bob").Post(t.Context(), fmt.Sprint("fills it ", i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		net.Unmute("bob") // and the connection breaks
		time.Sleep(time.Second)
		close(handle)
		for _, rc := range receipts {
			if grade, err := rc.Wait(within(t, time.Minute)); grade != postrider.Handled || err != nil {
				t.Error(rc.ID(), grade, err)
			}
		}
	})
}

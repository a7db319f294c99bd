package postrider_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// A handler that hangs in one message of a pack keeps nothing else: when its receiver ends, what it has not come to goes to the next one at once, in
// order and not marked, though it was made ready for the first.
func TestAHangingHandlerKeepsOneMessageOfAPack(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, []string{"a", "b", "c", "d"})
		first, stop := context.WithCancel(t.Context())
		hung, goOn := make(chan struct{}), make(chan struct{})
		bob.Handle(first, bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
			if m.ID == "b" {
				close(hung)
				<-goOn
			}
			return nil
		})
		<-hung
		stop()
		synctest.Wait()
		got := collect(t, bob, bob.Inbox())
		for _, body := range []string{"c", "d"} {
			if m := wantBody(t, got, body); m.Redelivered {
				t.Errorf("%s is marked as redelivered", body)
			}
		}
		close(goOn)
		wantNone(t, got) // b was handled, if late
		wantPacked(t, bob)
	})
}

// The repeat of a message that somebody has in hand waits for what becomes of it, also when both came in packs.
func TestARepeatedPackWaitsForTheFirst(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := meeting(t, net, abc)
		var first []*postrider.Message
		loop, stop := context.WithCancel(t.Context())
		defer stop()
		got := make(chan *postrider.Message, 100)
		go func() {
			for m, err := range bob.Messages(loop) {
				if err != nil {
					return
				}
				got <- m
			}
		}()
		for _, body := range abc {
			first = append(first, wantBody(t, got, body))
		}
		ahead(t, alice, abc)
		wantNone(t, got)
		first[0].Ack()
		first[1].Requeue()
		if m := wantBody(t, got, "b"); m.ID != "b" {
			t.Errorf("%+v", m)
		} else {
			m.Ack()
		}
		first[2].Ack()
		wantNone(t, got) // each was handled
		stop()
		synctest.Wait()
		if err := bob.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
		wantPacked(t, bob)
	})
}

// hanging has bob handle what lies in his inbox, and hang in each of some messages until it is let go.
func hanging(t *testing.T, ctx context.Context, bob *postrider.Node, in ...string) (hung <-chan string, goOn chan<- struct{}) {
	t.Helper()
	said, may := make(chan string), make(chan struct{})
	err := bob.Handle(ctx, bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
		if slices.Contains(in, m.ID) {
			said <- m.ID
			<-may
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return said, may
}

// What a handler has done with is known as such while it hangs in a later one of the pack: to a repeat that comes then, or came before.
func TestARepeatDoesNotWaitForTheRestOfAPack(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := meeting(t, net, []string{"a", "b", "c", "d"})
		hung, goOn := hanging(t, t.Context(), bob, "b", "c")
		<-hung
		go func() { // gets what comes from now on
			for m, err := range bob.Messages(t.Context(), postrider.From("alice")) {
				if err == nil {
					t.Errorf("%q came again", m.ID)
				}
			}
		}()
		synctest.Wait()
		wantWaiting := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if n := postrider.RepeatsThatWait(bob); n != want {
				t.Errorf("%s the repeats of %d messages wait, want %d", when, n, want)
			}
		}
		ahead(t, alice, []string{"a", "b"})
		wantWaiting("of what was handled, and what is being handled,", 1)
		goOn <- struct{}{}
		<-hung
		wantWaiting("when both were handled", 0)
		goOn <- struct{}{}
		wantWaiting("at the end", 0)
		wantPacked(t, bob)
	})
}

// A Shutdown that ends while a handler hangs counts what that has done with as handled, and what it does afterwards, too.
func TestWhatWasHandledOfAPackIsNotLost(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, []string{"a", "b", "c", "d"})
		hung, goOn := hanging(t, t.Context(), bob, "c")
		<-hung
		if err := bob.Shutdown(within(t, time.Minute)); err == nil {
			t.Error("nothing is lost")
		} else {
			wantLost(t, err, "c", "d")
		}
		goOn <- struct{}{}
		wantPacked(t, bob)
	})
}

// What a handler ends after its receiver has ended is settled as what it has ended before.
func TestTheLastOfAReceiverIsSettled(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := together(t, net, []string{"a", "b", "c"})
		first, stop := context.WithCancel(t.Context())
		hung, goOn := hanging(t, first, bob, "b")
		<-hung
		stop()
		got := collect(t, bob, bob.Inbox())
		wantBody(t, got, "c")
		goOn <- struct{}{}
		synctest.Wait()
		if n := postrider.LeftInPacks(bob); n != 0 {
			t.Errorf("%d messages are not settled", n)
		}
		wantPacked(t, bob)
	})
}

// A message that its handler settles by itself, the last one of a pack, does not keep the rest from being settled.
func TestTheLastOfAPackIsSettledByItsHandler(t *testing.T) {
	for name, settle := range map[string]func(m *postrider.Message) error{
		"acknowledged": (*postrider.Message).Ack,
		"rejected":     func(*postrider.Message) error { return postrider.Reject(errors.New("never")) },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				bob := together(t, net, abc)
				bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
					if m.ID == "c" {
						return settle(m)
					}
					return nil
				})
				synctest.Wait()
				if n := postrider.LeftInPacks(bob); n != 0 {
					t.Errorf("%d messages are not settled", n)
				}
				wantPacked(t, bob)
			})
		})
	}
}

// Receivers that come and go, in the middle of packs and while more comes, handle each message once. Some acknowledge later, from elsewhere.
func TestReceiversThatComeAndGoHandleEachOnce(t *testing.T) {
	alice, bob := pair(t)
	ctx := soon(t)
	const all = 5_000
	sent := make(chan error, 1)
	go func() { sent <- postAll(ctx, alice.Peer("bob"), all) }()
	times := make([]int, all)
	chance := rand.New(rand.NewPCG(1, 2))
	var acks sync.WaitGroup
	for got := 0; got < all; {
		left := 1 + chance.IntN(300)
		for m, err := range bob.Messages(ctx) {
			if err != nil {
				t.Fatalf("after %d of %d: %v", got, all, err)
			}
			n, _ := binary.Uvarint(m.Body)
			if times[n]++; times[n] > 1 || m.Redelivered {
				t.Fatalf("message %d came %d times, redelivered %v", n, times[n], m.Redelivered)
			}
			if chance.IntN(10) == 0 {
				acks.Go(func() { m.Ack() })
			} else {
				m.Ack()
			}
			got++
			if left--; left == 0 || got == all {
				break
			}
		}
	}
	acks.Wait()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := bob.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// postAll posts so many messages, whose bodies count them.
func postAll(ctx context.Context, to *postrider.Target, n int) error {
	var last *postrider.Receipt
	for i := range n {
		var err error
		if last, err = to.Post(ctx, binary.AppendUvarint(nil, uint64(i))); err != nil {
			return err
		}
	}
	_, err := last.Wait(ctx)
	return err
}

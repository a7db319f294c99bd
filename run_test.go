package postrider_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
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

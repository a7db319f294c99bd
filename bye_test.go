package postrider_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// From the beginning of its Shutdown a node takes nothing more from its peers: what they post waits for its next life, and
// who waits for it is told. What it had begun it finishes, and answers.
func TestANodeThatShutsDownSaysGoodbye(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		to := alice.Peer("bob")
		begun, finish := make(chan struct{}), make(chan struct{})
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			close(begun)
			<-finish
			return m.Reply(ctx, "finished")
		})
		answered, over := make(chan error), make(chan error)
		go func() {
			answer, err := postrider.Call[string](within(t, time.Hour), to, "work")
			if err == nil && answer != "finished" {
				err = errors.New(answer)
			}
			answered <- err
		}()
		<-begun
		down := waitingFor(t, alice)
		synctest.Wait()
		go func() { over <- bob.Shutdown(within(t, time.Hour)) }()
		if took := <-down; took > time.Second {
			t.Error("who waits for bob was told after", took)
		}
		held := post(t, to, "for your next life")
		e := fate(t, to.Send(within(t, time.Minute), "now!"), false, postrider.ErrPeerDown, context.DeadlineExceeded)
		if e.Stage != postrider.InOutbox {
			t.Error(e)
		}
		select {
		case err := <-over:
			t.Fatal("the handler was not waited for:", err)
		default:
		}
		if err := bob.Inbox().Send(t.Context(), "to myself"); !errors.Is(err, postrider.ErrClosed) {
			t.Error(err)
		}
		close(finish)
		for _, ended := range []chan error{answered, over} {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if g := held.Grade(); g != postrider.Pending {
			t.Error("what was posted meanwhile is", g)
		}
		bob = net.node("bob")
		wantBody(t, collect(t, bob, bob.Inbox()), "for your next life")
		wantGrade(t, held, postrider.Received)
	})
}

// Under way when the node shuts down is much, and more waits for busy handlers. Whatever was received is handled, and is what was sent first; the
// rest waits for the next life, which handles it: each message once, in one life or the other.
func TestNothingIsReceivedAfterTheGoodbye(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		const messages = 1000
		receive := func(handled chan<- string) {
			err := bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
				time.Sleep(10 * time.Millisecond)
				handled <- string(m.Body)
				return nil
			}, postrider.Workers(8))
			if err != nil {
				t.Fatal(err)
			}
		}
		first, second := make(chan string, messages), make(chan string, messages)
		receive(first)
		over := make(chan error)
		var receipts []*postrider.Receipt
		for i := range messages {
			receipts = append(receipts, post(t, alice.Peer("bob"), strconv.Itoa(i)))
			switch i {
			case messages / 2:
				synctest.Wait() // these are in the inbox, and most of them wait
				go func() { over <- bob.Shutdown(within(t, time.Minute)) }()
			case 3 * messages / 4:
				synctest.Wait() // the goodbye is said: what follows comes after it
			}
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		bob = net.node("bob")
		receive(second)
		for _, rc := range receipts {
			wantGrade(t, rc, postrider.Received)
		}
		if err := bob.Shutdown(within(t, time.Minute)); err != nil { // nothing waits when it has ended
			t.Fatal(err)
		}
		close(first)
		close(second)
		lives := make(map[string]int)
		for body := range first {
			lives[body]++
		}
		received := len(lives)
		for i := range received {
			if lives[strconv.Itoa(i)] != 1 {
				t.Errorf("message %d was handled %d times by the first life, which received %d messages", i, lives[strconv.Itoa(i)], received)
			}
		}
		for body := range second {
			lives[body]++
		}
		for i := range messages {
			if n := lives[strconv.Itoa(i)]; n != 1 {
				t.Errorf("message %d was handled %d times", i, n)
			}
		}
		if received <= messages/2 || received == messages {
			t.Errorf("%d messages were received before the goodbye: the test wants some after it, too", received)
		}
	})
}

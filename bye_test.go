package postrider_test

import (
	"context"
	"errors"
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
			answer, err := postrider.Call[string](t.Context(), to, "work")
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

// Under way when the node shuts down is much; whatever was received is in its inbox, and the rest in its next life.
func TestNothingIsReceivedAfterTheGoodbye(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		handled := make(chan string, 2000)
		handler := func(_ context.Context, m *postrider.Message) error {
			handled <- string(m.Body)
			return nil
		}
		receive := func() {
			if err := bob.Handle(t.Context(), bob.Inbox(), handler, postrider.Workers(8)); err != nil {
				t.Fatal(err)
			}
		}
		receive()
		var receipts []*postrider.Receipt
		for i := range 1000 {
			receipts = append(receipts, post(t, alice.Peer("bob"), "x"))
			if i == 500 {
				go bob.Shutdown(within(t, time.Minute))
			}
		}
		time.Sleep(time.Second)
		bob = net.node("bob")
		receive()
		for _, rc := range receipts {
			wantGrade(t, rc, postrider.Received)
		}
	})
}

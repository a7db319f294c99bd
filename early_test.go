package postrider_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

// An operator's policy may shorten or limit the queues in which messages wait. These are declared as such a policy has them be: their messages come back
// at once. They are handled when they are due all the same, and in between they do not go round as fast as they can.
func TestWhatComesBackTooEarlyDoesNotGoRound(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		conn, err := mq.Dial(broker.DialConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, step := range []string{"30ms", "100ms", "300ms", "1s", "3s", "10s"} {
			args := amqp.Table{"x-message-ttl": int32(1), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "jobs"}
			if _, err := conn.DeclareQueue(t.Context(), broker.QueueOptions{Name: "jobs.retry." + step, Durable: true, Args: args}); err != nil {
				t.Fatal(err)
			}
		}
		worker := net.node("bob", onBroker)
		fates := []error{errors.New("no"), postrider.Retry(10 * time.Second), nil}
		seen := failing(t, worker, worker.Mailbox("jobs"), func(*postrider.Message, int) (fate error) {
			fate, fates = fates[0], fates[1:]
			return fate
		})
		if err := worker.Mailbox("jobs").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures", "a after 10.1s, 1 failures")
		if n := mq.Stats().Received; n > 110 { // ten a second
			t.Errorf("%d messages were published for one that is tried twice more", n)
		}
	})
}

// It has waited elsewhere for a part of its time, and cannot for the rest.
func TestAMessageThatCannotWaitElsewhereAnyMoreWaitsHere(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		takeNothing(t, net, "mq:1", "jobs.retry.30ms")
		alice := net.node("alice", onBroker)
		later := []error{postrider.Retry(130 * time.Millisecond), nil}
		seen := failing(t, alice, alice.Mailbox("jobs"), func(*postrider.Message, int) (what error) {
			what, later = later[0], later[1:]
			return what
		})
		post(t, alice.Mailbox("jobs"), "a")
		wantSeen(t, seen, "a after 0s, 0 failures", "a after 130ms, 0 failures")
		wantNoMore(t, seen)
		wantWaiting(t, mq, "jobs", 0)
	})
}

// A broker that is low on memory takes no copies of what failed, and what has failed is all that its only receiver may have at a time. When what the handlers need is
// there again, they handle it all the same, which is what the broker waits for.
func TestABrokerThatTakesNothingIsEmptiedByHandlersThatHadFailed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq := net.BrokerWith("mq", broker.Config{MessageMemory: 64 << 10})
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		const many = 100
		for range many {
			post(t, alice.Mailbox("jobs"), strings.Repeat("x", 1<<10))
		}
		synctest.Wait()
		var down atomic.Bool
		down.Store(true)
		handled := make(chan string, many)
		err := bob.Handle(t.Context(), bob.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
			if down.Load() {
				return errors.New("what I need is down")
			}
			handled <- m.ID
			return nil
		}, postrider.Prefetch(10), postrider.Workers(2))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Second)
		if _, err := bob.Mailbox("jobs").Post(t.Context(), "too much"); err != nil || mq.Stats().Received > 90 {
			t.Fatal("the broker takes what comes", err, mq.Stats().Received)
		}
		down.Store(false)
		seen := make(map[string]bool)
		for range many + 1 {
			select {
			case id := <-handled:
				if seen[id] {
					t.Error("a message was handled twice")
				}
				seen[id] = true
			case <-time.After(time.Minute):
				t.Fatalf("%d of %d were handled", len(seen), many+1)
			}
		}
		time.Sleep(time.Minute) // the copies that were on their way come, and are known
		if len(handled) > 0 {
			t.Errorf("%d messages were handled twice", len(handled))
		}
		wantWaiting(t, mq.Broker, "jobs", 0)
	})
}

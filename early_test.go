package postrider_test

import (
	"errors"
	"testing"
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

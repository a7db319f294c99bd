package postrider_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func deletes(t *testing.T, mq *broker.Broker, queue string) {
	t.Helper()
	c, err := mq.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.DeleteQueue(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
}

// A mailbox is made when it is used, also when somebody has deleted it since this node used it last.
func TestAMailboxThatWasDeletedIsMadeAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		alice := net.node("alice", onBroker)
		for name, jobs := range map[string]*postrider.Target{"jobs": alice.Mailbox("jobs"), "parted.p0": alice.Mailbox("parted", postrider.Partitions(1))} {
			for range 3 {
				if err := jobs.Send(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				deletes(t, mq, name)
				time.Sleep(2 * time.Second)
			}
			if _, err := post(t, jobs, "lost").Wait(t.Context()); !errors.Is(err, postrider.ErrNoSuchTarget) { // what is posted is not posted anew: others are behind it
				t.Error(err)
			}
			if err := jobs.Send(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
			wantBody(t, collect(t, alice, jobs), "b")
		}
	})
}

// So it is with where messages wait for another try. What other programs sent has no id; it is known all the same when it comes back.
func TestWhereMessagesWaitIsMadeAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		worker := net.node("worker", onBroker)
		jobs := worker.Mailbox("jobs")
		seen := failing(t, worker, jobs, func(*postrider.Message, int) error { return errors.New("no") }, postrider.MaxTries(2))
		for range 3 {
			start := time.Now()
			publishAs(t, net, amqp.Properties{}, "jobs", "a")
			for range 2 {
				<-seen
			}
			if d := time.Since(start); d.Round(10*time.Millisecond) != 100*time.Millisecond {
				t.Errorf("tried again after %v", d)
			}
			time.Sleep(2 * time.Second)
			deletes(t, mq, "jobs.retry.100ms")
		}
		dead := collect(t, worker, jobs.Dead())
		for range 3 {
			wantBody(t, dead, "a")
		}
	})
}

// Who may not make the queues in which messages wait is told so.
func TestWhyAMessageCannotWaitIsTold(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq := net.BrokerWith("mq", broker.Config{Users: map[string]string{"operator": "secret"}})
		if err := mq.PutUser(t.Context(), "app", "secret"); err != nil {
			t.Fatal(err)
		}
		if err := mq.SetPermissions(t.Context(), "app", "/", `^jobs$`, `.*`, `.*`); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		worker := net.node("worker", func(cfg *postrider.Config) {
			cfg.Brokers, cfg.Logger = []string{"amqp://app:secret@mq:1"}, slog.New(slog.NewTextHandler(&log, nil))
		})
		var fine atomic.Bool
		done := make(chan struct{})
		err := worker.Handle(t.Context(), worker.Mailbox("jobs"), func(context.Context, *postrider.Message) error {
			if !fine.Load() {
				return errors.New("no")
			}
			close(done)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := worker.Mailbox("jobs").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5500 * time.Millisecond)
		fine.Store(true)
		<-done
		synctest.Wait()
		if told := log.String(); !strings.Contains(told, "access to queue 'jobs.retry.100ms'") || !strings.Contains(told, "docs/SCALING.md says") {
			t.Error(told)
		}
	})
}

// What is there already is used as it is, also for dead letters.
func TestDeadLettersGoToWhatIsThere(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		dead := worker.Mailbox("jobs.dead", postrider.SingleActive())
		if err := dead.Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		failing(t, worker, worker.Mailbox("jobs"), func(*postrider.Message, int) error { return postrider.Reject(nil) })
		if err := producer.Mailbox("jobs").Send(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		got := collect(t, worker, dead)
		wantBody(t, got, "a")
		wantBody(t, got, "b")
	})
}

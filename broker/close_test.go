package broker_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

// A consumer was cancelled before all that it had was settled: the rest goes
// back when its Conn closes.
func TestWhatACancelledConsumerHadGoesBackAtTheEnd(t *testing.T) {
	b := open(t, "")
	first, second := dial(t, b), dial(t, b)
	declare(t, first, broker.QueueOptions{Name: "q"})
	publish(t, first, "q", transient, "a", "b")
	box := make(chan broker.Delivery, 2)
	consumer, err := first.Consume(t.Context(), "q", broker.ConsumeOptions{}, func(d broker.Delivery) { box <- d })
	if err != nil {
		t.Fatal(err)
	}
	consumer.Cancel()
	ack(t, receive(t, box))
	theirs := consume(t, second, "q", broker.ConsumeOptions{})
	theirs.wantNone(t)
	first.Close()
	theirs.want(t, "b again")
}

// What a consumer on a socket could not be sent is not taken.
func TestWhatCannotBeSentIsRefused(t *testing.T) {
	c := dial(t, open(t, ""))
	for what, p := range map[string]*broker.Publishing{
		"key":      {Key: strings.Repeat("k", 256)},
		"exchange": {Exchange: strings.Repeat("x", 256)},
		"property": {Properties: amqp.Properties{MessageID: strings.Repeat("i", 256)}},
		"body":     {Body: make([]byte, 128<<20+1)},
	} {
		if err := c.Publish(p, fate(nil)); err == nil {
			t.Errorf("a %s that is too long was taken", what)
		}
	}
}

// Close comes while others publish, consume and declare: all of them end, with
// ErrClosed, and nothing panics or is left behind.
func TestCloseInTheMidstOfWork(t *testing.T) {
	for range 20 {
		b := open(t, t.TempDir())
		c := dial(t, b)
		declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
		var work sync.WaitGroup
		until := func(what func() error) {
			work.Go(func() {
				var err error
				for err == nil {
					err = what()
				}
				if !errors.Is(err, broker.ErrClosed) {
					t.Error(err)
				}
			})
		}
		until(func() error {
			told := make(fate, 1)
			err := c.Publish(&broker.Publishing{Key: "q", Properties: amqp.Properties{DeliveryMode: persistent}}, told)
			if err == nil {
				err = <-told
			}
			return err
		})
		until(func() error {
			consumer, err := c.Consume(t.Context(), "q", broker.ConsumeOptions{Prefetch: 10}, func(d broker.Delivery) { work.Go(func() { d.Ack() }) })
			if err == nil {
				consumer.Cancel()
			}
			return err
		})
		until(func() error { _, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Exclusive: true}); return err })
		runtime.Gosched()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		work.Wait()
	}
}

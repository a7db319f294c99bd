package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/disk"
)

// patience bounds a wait for what must come; nothing is measured by it.
const patience = 20 * time.Second

// open opens a broker that ends with the test; dir "" is memory.
func open(t *testing.T, dir string) *broker.Broker {
	t.Helper()
	return opened(t, broker.Config{Dir: dir})
}

// openOn is open for a broker whose journal is on fs.
func openOn(t *testing.T, fs disk.FS) *broker.Broker {
	t.Helper()
	return opened(t, broker.Config{}.On(fs))
}

func opened(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func dial(t *testing.T, b *broker.Broker) *broker.Conn {
	t.Helper()
	c, err := b.Dial(broker.DialConfig{Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func declare(t *testing.T, c *broker.Conn, o broker.QueueOptions) {
	t.Helper()
	if _, err := c.DeclareQueue(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// wantReady checks how many messages of a queue wait for a consumer.
func wantReady(t *testing.T, c *broker.Conn, queue string, n int) {
	t.Helper()
	info, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: queue, Passive: true})
	if err != nil || info.Messages != n {
		t.Fatalf("queue %s: %+v, %v; want %d ready", queue, info, err, n)
	}
}

// fate takes what a Confirmer is told, and has room to notice a second call.
type fate chan error

func (f fate) Confirmed(err error) { f <- err }

// publish publishes bodies to a queue and waits until the broker has them.
func publish(t *testing.T, c *broker.Conn, queue string, mode uint8, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := send(t, c, &broker.Publishing{Key: queue, Properties: amqp.Properties{DeliveryMode: mode}, Body: []byte(body)}); err != nil {
			t.Fatalf("publishing %q: %v", body, err)
		}
	}
}

const transient, persistent = 1, 2

// send publishes and returns what the Confirmer was told, which must be once.
func send(t *testing.T, c *broker.Conn, p *broker.Publishing) error {
	t.Helper()
	told := make(fate, 2)
	if err := c.Publish(p, told); err != nil {
		t.Fatal(err)
	}
	err := receive(t, told)
	if len(told) > 0 {
		t.Fatal("told a second time")
	}
	return err
}

// inbox is a consumer with what was delivered to it.
type inbox struct {
	*broker.Consumer
	came chan broker.Delivery
}

func consume(t *testing.T, c *broker.Conn, queue string, o broker.ConsumeOptions) inbox {
	t.Helper()
	came := make(chan broker.Delivery, 100)
	consumer, err := c.Consume(t.Context(), queue, o, func(d broker.Delivery) { came <- d })
	if err != nil {
		t.Fatal(err)
	}
	return inbox{consumer, came}
}

// want takes the next deliveries, which must have these bodies; " again" after a
// body stands for one that is marked as redelivered.
func (in inbox) want(t *testing.T, bodies ...string) (got []broker.Delivery) {
	t.Helper()
	for _, body := range bodies {
		d := receive(t, in.came)
		if s := describe(d); s != body {
			t.Fatalf("got %q, want %q", s, body)
		}
		got = append(got, d)
	}
	return got
}

func describe(d broker.Delivery) string {
	if d.Redelivered {
		return string(d.Body) + " again"
	}
	return string(d.Body)
}

// wantNone holds at once: whoever caused a delivery has made it when he returns.
func (in inbox) wantNone(t *testing.T) {
	t.Helper()
	if len(in.came) > 0 {
		t.Fatalf("got %q, want nothing", describe(<-in.came))
	}
}

func receive[T any](t *testing.T, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain for a %T", v)
	}
	return v
}

func ack(t *testing.T, deliveries ...broker.Delivery) {
	t.Helper()
	for _, d := range deliveries {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

func wantCode(t *testing.T, err error, code uint16) {
	t.Helper()
	var e *amqp.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, amqp.CodeName(code))
	}
}

func numbered(n int) []string {
	return slices.Collect(func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprint(i)) {
				return
			}
		}
	})
}

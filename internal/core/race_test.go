package core

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
)

// An empty queue may be deleted; a message that was taken by it may not go with it.
func TestDeleteIfEmptyBesidePublish(t *testing.T) {
	w := newWorld(t, nil)
	var stop atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		p := w.client.VHost.NewPublisher()
		var b Burst
		for !stop.Load() {
			b.Begin(w.core.Now())
			p.Publish(&b, message("", "q", "m", false))
			b.End()
		}
	})
	for range 300 {
		w.declare(QueueSpec{Name: "q"})
		w.do(func(b *Burst) {
			if n, err := w.client.DeleteQueue(context.Background(), b, "q", false, true); err == nil && n != 0 {
				t.Errorf("%d messages went with an empty queue", n)
			}
		})
		w.do(func(b *Burst) { w.client.PurgeQueue(b, "q") })
	}
	stop.Store(true)
	done.Wait()
}

// Many goroutines do everything at once, on a journal with small segments. What
// each of them was promised holds: a message that was routed to a queue that
// stays is delivered there once, and is gone after its ack.
func TestEverythingAtOnce(t *testing.T) {
	const publishers, each = 4, 300
	w := newWorld(t, disk.NewMem())
	w.durable("stays")
	w.exchange("x", "fanout", true)
	w.bind("stays", "x", "")
	var done, consumed sync.WaitGroup
	consumed.Add(publishers * each)
	s := &acker{world: w, seen: map[string]int{}, consumed: &consumed, work: make(chan Delivery, 2*publishers*each)}
	done.Go(s.run)
	for i := range 3 {
		_, err := w.tryConsume(w.client, ConsumeSpec{Queue: "stays", Tag: fmt.Sprint(i), Prefetch: uint16(i * 10)}, s)
		w.must(err)
	}
	for i := range publishers {
		done.Go(func() {
			p := w.client.VHost.NewPublisher()
			var b Burst
			for n := range each {
				b.Begin(w.core.Now())
				if out, err := p.Publish(&b, message("x", "", fmt.Sprint(i, "-", n), n%2 == 0)); err != nil || !out.Routed {
					t.Error("not routed", err)
				}
				b.End()
			}
		})
	}
	done.Go(func() { // queues come and go around them
		client := w.client.VHost.NewClient("other")
		unread := &sink{}
		var b Burst
		for n := range 100 {
			b.Begin(w.core.Now())
			info, err := client.DeclareQueue(context.Background(), &b, QueueSpec{Durable: n%2 == 0, Exclusive: n%3 == 0, AutoDelete: n%5 == 0,
				Args: amqp.Table{"x-expires": int32(1 + n%3)}})
			if err != nil {
				t.Error(err)
			}
			client.Bind(context.Background(), &b, toQueue(info.Name, "x", ""))
			if c, err := client.Consume(context.Background(), &b, ConsumeSpec{Queue: info.Name, Tag: "c", NoAck: n%2 == 0}, unread, nil); err == nil && n%4 == 0 {
				c.Cancel(&b)
			}
			if n%3 == 1 {
				client.DeleteQueue(context.Background(), &b, info.Name, false, false)
			}
			b.End()
		}
		b.Begin(w.core.Now())
		client.Close(&b)
		b.End()
		unread.drop()
	})
	consumed.Wait()
	close(s.work)
	done.Wait()
	w.wantContents("stays")
	if len(s.seen) != publishers*each {
		t.Errorf("%d messages delivered, want %d", len(s.seen), publishers*each)
	}
	w.restart()
	w.wantContents("stays")
}

// acker acks from a goroutine of its own, after giving some back once.
type acker struct {
	world    *world
	work     chan Delivery // has room for all
	consumed *sync.WaitGroup
	seen     map[string]int
}

func (s *acker) Deliver(d Delivery) Taken {
	s.work <- d
	return Taken{Wake: true}
}
func (s *acker) Cancelled(*Consumer) {}
func (s *acker) Wake(*Burst)         {}

func (s *acker) run() {
	var b Burst
	for d := range s.work {
		b.Begin(s.world.core.Now())
		body := string(content(&d).Body)
		if s.seen[body]++; s.seen[body] == 1 && len(s.seen)%7 == 0 {
			d.Consumer.Queue.Requeue(&b, d.Pos)
		} else {
			d.Consumer.Queue.Settle(&b, d.Pos)
			s.consumed.Done()
		}
		b.End()
	}
}

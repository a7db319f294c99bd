package postrider

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// localIntake is a receiver's part of the broker in this process. When somebody deletes its queue, who can where the broker is shared, it makes the
// queue again and consumes anew. Of an exchange that is deleted nobody is told: what the queue is bound to is said again every ten seconds, as it is
// at other brokers.
//
//	begin ──► consumes ──the queue is deleted──► again, until it does or is ended ──► consumes …
type localIntake struct {
	way      *local
	prefetch int
	to       receiver
	failed   error // the first time

	mu       sync.Mutex
	consumer *broker.Consumer
	queue    string             // that it consumes from
	binding  *client.Queue      // what that is bound to; nil: to nothing
	saying   *time.Timer        // until that is said again
	lost     context.CancelFunc // says that what the consumer has brought is this receiver's no more
	ended    bool
}

func (l *local) take(prefetch int, to receiver) intake {
	i := &localIntake{way: l, prefetch: prefetch, to: to}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed = i.begin()
	return i
}

// begin makes sure of the queue and consumes from it. The caller holds mu.
func (i *localIntake) begin() error {
	at := i.way.at
	q, queue, err := i.way.makeSure(at.ctx)
	if err != nil {
		return err
	}
	i.keepBound(q, queue)
	gone, lost := context.WithCancel(at.ctx)
	i.lost = lost
	from := &localSettler{over: gone}
	bring := bringer{to: i.to}
	o := broker.ConsumeOptions{Prefetch: i.prefetch, Cancelled: func() {
		from.deleted.Store(true)
		lost()
		go i.resume()
	}, Batches: func(batch []broker.Delivery, lull *broker.Lull) {
		if from.consumer == nil {
			from.consumer = batch[0].Consumer()
		}
		arrivals := bring.room(len(batch))
		for n := range batch {
			d, a := &batch[n], &arrivals[n]
			a.props, a.body, a.redelivered, a.from, a.tag = d.Props, d.Body, d.Redelivered, from, d.Tag
			a.count = uint8(d.Messages)
			if i.way.subscription != nil && d.Exchange != "" {
				a.props = keyed(a.props, d.Key)
			}
		}
		bring.all(lull)
	}}
	i.consumer, err = at.conn.Consume(at.ctx, queue, o, nil)
	if err != nil {
		lost()
	}
	return err
}

// bindAgain is how often is said what a queue is bound to.
const bindAgain = 10 * time.Second

// keepBound has it be said again what the queue is bound to, where others may delete an exchange. The caller holds mu.
func (i *localIntake) keepBound(q *client.Queue, queue string) {
	if q == nil || q.From == nil || !i.way.at.shared {
		return
	}
	i.queue, i.binding = queue, q
	if i.saying == nil {
		i.saying = time.AfterFunc(bindAgain, i.sayAgain)
		i.way.at.keepBound(i)
	}
}

func (i *localIntake) sayAgain() {
	i.bind()
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.ended && i.way.at.ctx.Err() == nil {
		i.saying.Reset(bindAgain)
	}
}

// bind binds the queue, if it is there. That it cannot be now is told by who consumes, or it can be the next time.
func (i *localIntake) bind() {
	i.mu.Lock()
	queue, q := i.queue, i.binding
	if i.ended {
		q = nil
	}
	i.mu.Unlock()
	if q != nil {
		_ = i.way.at.bind(i.way.at.ctx, queue, q)
	}
}

// resume begins again, after somebody has deleted the queue with what was in it.
func (i *localIntake) resume() {
	for told := false; ; {
		err := i.again()
		if err == nil {
			return
		}
		if !told {
			told = true
			i.way.at.log.Warn("a queue that was deleted cannot be made again", "queue", i.way.queue, "error", err)
		}
		select {
		case <-time.After(againAfter):
		case <-i.way.at.ctx.Done():
			return
		}
	}
}

// againAfter is the pause before a queue that cannot be made is tried again.
const againAfter = time.Second

// again is begin, unless it is over.
func (i *localIntake) again() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended || i.way.at.ctx.Err() != nil {
		return nil
	}
	err := i.begin()
	if errors.Is(err, broker.ErrClosed) {
		return nil
	}
	return err
}

func (i *localIntake) first() <-chan struct{} { return closedChannel }
func (i *localIntake) err() error             { return i.failed }

// end ends it, once, how the consumer is ended.
func (i *localIntake) end(how func(*broker.Consumer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.ended && i.consumer != nil {
		how(i.consumer)
	}
	i.ended = true
	if i.saying != nil {
		i.saying.Stop()
		i.way.at.unbound(i)
	}
}

// release gives back what is not settled, unless the consumer was stopped before. Who has had some of it has said so, see settler.seen.
func (i *localIntake) release() {
	i.end((*broker.Consumer).Withdraw)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lost != nil {
		i.lost()
	}
}

func (i *localIntake) stop() <-chan struct{} {
	i.end((*broker.Consumer).Cancel)
	return closedChannel
}

// localSettler settles, with the broker in this process, what one consumer has brought. That goes stale with its queue.
type localSettler struct {
	consumer *broker.Consumer // set with its first delivery, by who brings it
	over     context.Context
	deleted  atomic.Bool
}

func (s *localSettler) ack(tag uint64) error      { return nodeClosed(s.consumer.Ack(tag)) }
func (s *localSettler) ackSoon(tag uint64) error  { return nodeClosed(s.consumer.AckSoon(tag)) }
func (s *localSettler) giveBack(tag uint64) error { return nodeClosed(s.consumer.Nack(tag, true)) }
func (s *localSettler) putBack(tag uint64) error  { return nodeClosed(s.consumer.Return(tag)) }
func (s *localSettler) seen(tag uint64)           { s.consumer.Seen(tag) }

func (s *localSettler) stale(uint64) bool           { return s.deleted.Load() }
func (s *localSettler) gone(uint64) <-chan struct{} { return s.over.Done() }

func nodeClosed(err error) error {
	if errors.Is(err, broker.ErrClosed) {
		return ErrClosed
	}
	return err
}

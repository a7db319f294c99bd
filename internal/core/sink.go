package core

import (
	"time"

	"github.com/postrider-mq/postrider/internal/queue"
)

// Taken is a sink's answer to a delivery.
type Taken struct {
	Wake bool // nobody owes the sink a wake yet: the caller does, at the end of its burst
	Full bool // enough for now: the consumer is paused until Consumer.Resume

	// Refused says that the sink did not take it: the message goes back, as if it
	// had never left, and the consumer is paused until Consumer.Resume. Only
	// deliveries that wait for an acknowledgement and direct replies may be refused.
	Refused bool
}

// Delivery is one message for one consumer. Who takes it either sees that a
// paged message is loaded or dropped, or the journal keeps its space.
type Delivery struct {
	Consumer    *Consumer
	Message     *Message // nil when it is paged out
	Paged       *Paged   // where it is, then
	Pos         uint64   // names the delivery in its queue; unused when the consumer does not ack
	Redelivered bool
	Deliveries  uint32 // how often it was delivered before
}

// Sink is where deliveries go: a connection's outbox or a handler in this
// process. Deliver is a leaf: it is called under the queue's lock, must not
// block, and must not call back into the core. What it did not refuse it has. The others are called without locks, at a burst's end.
type Sink interface {
	Deliver(Delivery) Taken
	// Cancelled says that the broker ended the consumer: its queue was deleted.
	// It comes after the answer to who deleted it. A Wake follows.
	Cancelled(*Consumer)
	// Wake is called once after a burst of deliveries, by which it is to be looked at and no more: whether it is Urgent, and has a Lull.
	Wake(*Burst)
}

// Consumer is one subscription to one queue.
type Consumer struct {
	Queue     *Queue
	Tag       string
	Channel   uint16 // the channel of the connection that it belongs to, for the sink's use
	NoAck     bool
	Exclusive bool
	Patience  time.Duration // as in ConsumeSpec, for the sink's use

	sink Sink
	id   queue.ConsumerID

	refused bool // the sink refused one, and was not resumed since; guarded by Queue.mu
	halted  bool // nothing more is delivered; guarded by Queue.mu
}

// Sink is where the consumer's deliveries go.
func (c *Consumer) Sink() Sink { return c.sink }

// Resume ends the pause of a consumer whose sink was full or refused.
func (c *Consumer) Resume(b *Burst) {
	q := c.Queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.resting || c.halted {
		return
	}
	c.refused = false
	q.perform(b, q.core.Resume(b.now, c.id))
}

// Halt ends the deliveries, and keeps the consumer's place: who returns what is out with it, and only then
// cancels, lets nobody who follows it overtake that. When it returns, the sink gets nothing more for this consumer.
func (c *Consumer) Halt() {
	q := c.Queue
	q.mu.Lock()
	defer q.mu.Unlock()
	c.halted = true
	q.core.Pause(c.id)
}

// Cancel ends the subscription. What was delivered and not settled stays out.
// When it returns, the sink gets nothing more for this consumer.
func (c *Consumer) Cancel(b *Burst) {
	q := c.Queue
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.consumers, c.id)
	q.perform(b, q.core.Detach(b.now, c.id))
	q.schedule()
}

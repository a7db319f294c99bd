package broker

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/session"
)

// ConsumeOptions says how to consume.
type ConsumeOptions struct {
	Prefetch  int  // how many deliveries may be out at a time, at most 65,535; 0 = no limit
	NoAck     bool // deliveries count as settled; Ack and Nack do nothing
	Exclusive bool // nobody else may consume from the queue
	Args      amqp.Table

	// Batches, when it is not nil, is called in place of deliver with all that one burst of publishes or settlements brought. It
	// must not block, and not keep the slice. The lull is that of who brought it, nil if there is none.
	Batches func([]Delivery, *Lull)

	// Cancelled is called when the broker ends the consumer because its queue
	// was deleted. It must not block.
	Cancelled func()
}

// Lull is the time of a goroutine that has read a few messages from a connection, or calls alone, and would wait for more now.
type Lull link.Lull

// Free reports whether it may be used, which one consumer can.
func (l *Lull) Free() bool { return (*link.Lull)(l).Free() }

// Use has do called by the goroutine whose lull it is, once and soon, in place of waking another for it. Who uses it for longer than some
// microseconds keeps the connection from being read, which whoever calls readOn does from then on, until the connection ends: a goroutine for that alone. Called too
// late, or again, readOn does nothing.
func (l *Lull) Use(do func(readOn func())) { (*link.Lull)(l).Use(do) }

// Consumer is a subscription to one queue.
type Consumer struct {
	conn    *Conn
	deliver func(Delivery)
	options ConsumeOptions
	core    *core.Consumer // set before the first delivery

	woken atomic.Bool // Wake is bound to be called

	// Held while something is delivered, so that one goroutine at a time does it, in order. It is taken before mu, and never
	// under a lock of the core.
	delivering sync.Mutex
	batch      []Delivery

	mu    sync.Mutex
	out   session.Ledger[uint64] // positions that are not settled
	over  bool                   // there will be no more deliveries
	ready []ready                // to be delivered at the end of the burst; nothing while aside is busy
	spare []ready
	aside aside               // those that wait for one to be read
	soon  soon                // those of AckSoon
	seen  map[uint64]struct{} // positions of which Seen was told
}

// ready is a delivery to be made.
type ready struct {
	message     *core.Message
	tag         uint64
	redelivered bool
}

// keepReady is the largest buffer for deliveries that is kept.
const keepReady = 1024

// Delivery is one message delivered. Exactly one of Ack and Nack settles it; a
// further call does nothing. Once the Conn is closed both return ErrClosed: what
// was not settled by then went back to the queue.
type Delivery struct {
	Exchange, Key string
	Body          []byte // not to be changed: other queues may hold the same
	Redelivered   bool   // somebody may have seen it before

	// Props are the properties as they came, encoded; not to be changed.
	Props amqp.RawProperties

	// Tag names the delivery among its consumer's; 0 when NoAck.
	Tag uint64

	// Messages is how many are in it, if it is a pack (see [Config.Packs]) that has come in this life of the broker; else 1.
	Messages int

	consumer *Consumer
}

// Properties decodes the message's properties.
func (d Delivery) Properties() (amqp.Properties, error) {
	var p amqp.Properties
	err := p.Parse(d.Props, nil)
	return p, err
}

// Consumer is the subscription that the delivery came by.
func (d Delivery) Consumer() *Consumer { return d.consumer }

// Consume calls deliver for each message of a queue, one after the other, on the goroutine of
// whoever published or settled, when it has done so: deliver must only
// hand over, never block and never call the broker. A message that the broker had
// paged out is read from the disk before. The first consumer of a durable queue waits for the disk, until ctx
// ends; the subscription itself goes on. Of Args, x-priority counts. Errors: ErrClosed, ctx's, 403 in exclusive use,
// 404, 405, 406 for arguments and options.
func (c *Conn) Consume(ctx context.Context, queue string, o ConsumeOptions, deliver func(Delivery)) (*Consumer, error) {
	if o.Prefetch < 0 || o.Prefetch > math.MaxUint16 {
		return nil, amqp.Errorf(amqp.PreconditionFailed, "ConsumeOptions.Prefetch is %d: want 1 to %d, or 0 for no limit", o.Prefetch, math.MaxUint16)
	}
	consumer := &Consumer{conn: c, deliver: deliver, options: o}
	err := c.do(func(b *core.Burst) error {
		spec := core.ConsumeSpec{Queue: queue, Prefetch: uint16(o.Prefetch), NoAck: o.NoAck, Exclusive: o.Exclusive}
		if err := spec.Ask(c.client.VHost, o.Args); err != nil {
			return err
		}
		_, err := c.client.Consume(ctx, b, spec, (*sink)(consumer), func(started *core.Consumer) { consumer.core = started })
		return err
	})
	if err != nil {
		return nil, err
	}
	if !c.remember(consumer) {
		consumer.Close()
		return nil, ErrClosed
	}
	return consumer, nil
}

// remember has Close end the consumer; false if the Conn is closed already.
func (c *Conn) remember(consumer *Consumer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.consumers[consumer] = struct{}{}
	return true
}

func (c *Conn) forget(consumer *Consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.consumers, consumer)
}

// Cancel ends the subscription; when it returns, deliver is not called any
// more. What was delivered may still be settled; what is not goes back to the
// queue when the Conn closes.
func (c *Consumer) Cancel() {
	c.conn.burst(c.core.Cancel)
	c.deliverReady(nil)
	done := c.finish()
	c.settleSoon()
	if c.returnAside() || done {
		c.conn.forget(c)
	}
}

// finish notes that no delivery follows, and says whether the Conn may forget the consumer.
func (c *Consumer) finish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return c.out.Len() == 0
}

// Close ends the subscription and returns what was not settled, in its order and before a consumer that follows
// this one gets anything. What is settled later is ignored.
func (c *Consumer) Close() { c.close(false) }

// Withdraw is Close for who has passed nothing on that is not settled, but what Seen was told of: only that is marked.
func (c *Consumer) Withdraw() { c.close(true) }

func (c *Consumer) close(unseen bool) {
	c.core.Halt()
	c.deliverReady(nil)
	c.finish()
	c.returnAside()
	seen, rest := c.abandon(unseen)
	c.settleSoon()
	c.conn.burst(func(b *core.Burst) {
		c.core.Queue.Return(b, rest...)
		c.core.Queue.Requeue(b, seen...)
		c.core.Cancel(b)
	})
	c.conn.forget(c)
}

// abandon empties the books; what is settled later is ignored. Of what is out only some was seen, or all.
func (c *Consumer) abandon(unseen bool) (seen, rest []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Settle(0, true, func(pos uint64) {
		if _, was := c.seen[pos]; was || !unseen {
			seen = append(seen, pos)
		} else {
			rest = append(rest, pos)
		}
	})
	return seen, rest
}

// Seen tells that somebody has seen a delivery which stays out, see Withdraw. It walks over all that are.
func (c *Consumer) Seen(tag uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) > 2*c.out.Len()+fewSeen {
		c.forgetSettled()
	}
	for t, pos := range c.out.All() {
		if t == tag {
			if c.seen == nil {
				c.seen = make(map[uint64]struct{})
			}
			c.seen[pos] = struct{}{}
			return
		}
	}
}

// fewSeen of those that are settled may be remembered, however few are out.
const fewSeen = 64

// forgetSettled drops what Seen was told of and is out no more. The caller holds mu.
func (c *Consumer) forgetSettled() {
	all := c.seen
	c.seen = make(map[uint64]struct{})
	for _, pos := range c.out.All() {
		if _, was := all[pos]; was {
			c.seen[pos] = struct{}{}
		}
	}
}

// strike takes a delivery out of the books; ok is false if it was settled
// already. last says that it was the last of a consumer that is over.
func (c *Consumer) strike(tag uint64) (pos uint64, last, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.out.Settle(tag, false, func(p uint64) { pos = p })
	return pos, c.over && c.out.Len() == 0, err == nil
}

// Ack settles the delivery: the queue forgets the message.
func (d Delivery) Ack() error { return d.consumer.Ack(d.Tag) }

// Nack refuses the delivery: with requeue the message goes back to its place in
// the queue, marked as redelivered; without, it is dropped. A dead letter is as much a publish as others: who makes many asks [Conn.Ready] before.
func (d Delivery) Nack(requeue bool) error { return d.consumer.Nack(d.Tag, requeue) }

// Nack is [Delivery.Nack] for who kept the tag only.
func (c *Consumer) Nack(tag uint64, requeue bool) error {
	if requeue {
		return c.nack(tag, (*core.Queue).Requeue)
	}
	return c.nack(tag, (*core.Queue).Discard)
}

// Return gives a delivery back that nobody has seen: it is where it was, and is marked as redelivered only if it had been before.
func (c *Consumer) Return(tag uint64) error { return c.nack(tag, (*core.Queue).Return) }

func (c *Consumer) nack(tag uint64, how func(*core.Queue, *core.Burst, ...uint64)) error {
	if c.options.NoAck {
		return nil
	}
	pos, last, ok := c.strike(tag)
	if !ok {
		return c.tooLate()
	}
	if last {
		c.conn.forget(c)
	}
	p := c.conn.publisher()
	p.positions = append(p.positions[:0], pos)
	how(c.core.Queue, &p.burst, p.positions...)
	c.conn.done(p)
	return nil
}

// tooLate is the answer to who settles what is not, or no longer, in the books.
func (c *Consumer) tooLate() error {
	if c.conn.isClosed() {
		return ErrClosed
	}
	return nil
}

// sink is a Consumer as the core sees it.
type sink Consumer

func (s *sink) Deliver(d core.Delivery) core.Taken {
	c := (*Consumer)(s)
	var tag uint64
	c.mu.Lock()
	if !c.options.NoAck {
		tag = c.out.Add(d.Pos)
	}
	full := false
	if d.Paged != nil || c.aside.busy {
		full = c.aside.put(d, tag)
	} else {
		c.ready = append(c.ready, ready{d.Message, tag, d.Redelivered})
	}
	c.mu.Unlock()
	return core.Taken{Wake: !c.woken.Load() && !c.woken.Swap(true), Full: full}
}

// deliverReady makes the deliveries that are ready.
func (c *Consumer) deliverReady(l *Lull) {
	c.delivering.Lock()
	defer c.delivering.Unlock()
	c.flush(l)
}

// flush is deliverReady for who holds delivering.
func (c *Consumer) flush(l *Lull) {
	c.mu.Lock()
	list := c.ready
	c.ready, c.spare = c.spare, nil
	c.mu.Unlock()
	if len(list) == 0 {
		return
	}
	batch := c.batch[:0]
	for i := range list {
		batch = append(batch, Delivery{})
		c.fill(&batch[i], list[i].message, list[i].tag, list[i].redelivered)
	}
	c.give(batch, l)
	c.batch = nil
	if cap(list) > keepReady {
		return
	}
	clear(list)
	clear(batch)
	c.batch = batch
	c.mu.Lock()
	c.spare = list[:0]
	c.mu.Unlock()
}

func (c *Consumer) fill(d *Delivery, m *core.Message, tag uint64, redelivered bool) {
	d.Exchange, d.Key, d.Body, d.Props = m.Exchange, m.Key, m.Body, m.Props
	d.Redelivered, d.Tag, d.Messages, d.consumer = redelivered, tag, m.Messages(), c
}

func (c *Consumer) give(batch []Delivery, l *Lull) {
	if c.options.Batches != nil {
		c.options.Batches(batch, l)
		return
	}
	for _, d := range batch {
		c.deliver(d)
	}
}

func (s *sink) Cancelled(*core.Consumer) {
	s.conn.forget((*Consumer)(s)) // its messages went with the queue
	if s.options.Cancelled != nil {
		s.options.Cancelled()
	}
}

func (s *sink) Wake(b *core.Burst) {
	s.woken.Store(false)
	(*Consumer)(s).deliverReady((*Lull)(b.Lull))
	(*Consumer)(s).readAside()
}

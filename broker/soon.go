package broker

import "time"

// soon are deliveries that were acknowledged and are not settled in their queue yet. Many are settled together, for a lock of the queue, a
// look at the clock and what follows cost as much for a hundred as for one. Guarded by Consumer.mu.
type soon struct {
	positions []uint64
	timer     *time.Timer
	set       bool
}

const (
	soonAfter = time.Millisecond
	soonMost  = 128
)

// Ack is [Delivery.Ack] for who kept the tag only.
func (c *Consumer) Ack(tag uint64) error { return c.ack(tag, true) }

// AckSoon is Ack for one of many: it takes effect with the next Ack, when there are enough of them, or a millisecond later. So it
// suits a receiver that knows of the next delivery already.
func (c *Consumer) AckSoon(tag uint64) error { return c.ack(tag, false) }

func (c *Consumer) ack(tag uint64, now bool) error {
	if c.options.NoAck {
		return nil
	}
	c.mu.Lock()
	err := c.out.Settle(tag, false, func(pos uint64) { c.soon.positions = append(c.soon.positions, pos) })
	last := err == nil && c.over && c.out.Len() == 0
	now = now || last || len(c.soon.positions) >= soonMost
	if err == nil && !now {
		c.remindSoon()
	}
	c.mu.Unlock()
	if err != nil {
		return c.tooLate()
	}
	if now {
		c.settleSoon()
	}
	if last {
		c.conn.forget(c)
	}
	return nil
}

// settleSoon settles what AckSoon has left.
func (c *Consumer) settleSoon() {
	p := c.conn.publisher()
	c.mu.Lock()
	p.positions = append(p.positions[:0], c.soon.positions...)
	c.soon.positions = c.soon.positions[:0]
	c.mu.Unlock()
	if len(p.positions) > 0 {
		c.core.Queue.Settle(&p.burst, p.positions...)
	}
	c.conn.done(p)
}

// remindSoon has it done in time. The caller holds mu.
func (c *Consumer) remindSoon() {
	if c.soon.set {
		return
	}
	c.soon.set = true
	if c.soon.timer == nil {
		c.soon.timer = time.AfterFunc(soonAfter, c.reminded)
	} else {
		c.soon.timer.Reset(soonAfter)
	}
}

func (c *Consumer) reminded() {
	c.mu.Lock()
	c.soon.set = false
	c.mu.Unlock()
	c.settleSoon()
}

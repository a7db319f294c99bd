package broker

import "github.com/postrider-mq/postrider/internal/core"

// maxAside is how many deliveries may be put aside before the consumer is paused.
const maxAside = 64

// aside are the deliveries of a consumer that cannot be made under the queue's
// lock, because the first of them has to be read from the disk. Whoever
// wakes the consumer makes them, one goroutine at a time. But for delivering it is
// guarded by Consumer.mu.
type aside struct {
	list   []putAside
	busy   bool // something is in the list, or was taken out and not yet delivered
	paused bool
	worked bool // somebody is at work on the list

	loader core.Loader
}

// putAside is a delivery with its tag.
type putAside struct {
	core.Delivery
	tag uint64
}

// put appends a delivery and says whether these are enough for now.
func (a *aside) put(d core.Delivery, tag uint64) (full bool) {
	a.list = append(a.list, putAside{d, tag})
	a.busy = true
	full = len(a.list) >= maxAside
	a.paused = a.paused || full
	return full
}

// take returns the first delivery. The caller holds mu.
func (a *aside) take() (d putAside, ok bool) {
	if len(a.list) == 0 {
		return d, false
	}
	d = a.list[0]
	a.list[0] = putAside{}
	if a.list = a.list[1:]; len(a.list) == 0 {
		a.list = nil
	}
	return d, true
}

// readAside makes the deliveries that were put aside, unless somebody is doing so already.
func (c *Consumer) readAside() {
	if !c.beginAside() {
		return
	}
	for {
		d, ok, resume := c.nextAside()
		switch {
		case ok:
			c.readOne(d)
		case resume: // what comes of it is put aside again, for this loop
			c.conn.burst(c.core.Resume)
		default:
			return
		}
	}
}

func (c *Consumer) beginAside() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	begin := c.aside.busy && !c.aside.worked
	c.aside.worked = c.aside.worked || begin
	return begin
}

// nextAside returns what is to be done next: a delivery, or letting the consumer go on; if neither, all is done.
func (c *Consumer) nextAside() (d putAside, ok, resume bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.aside
	if d, ok = a.take(); ok {
		return d, true, false
	}
	if a.paused && !c.over {
		a.paused = false
		return d, false, true
	}
	a.busy, a.worked = false, false
	return d, false, false
}

// readOne makes one delivery. A message that cannot be read is passed over: the broker has said so, and ended it.
func (c *Consumer) readOne(d putAside) {
	m, err := d.Message, error(nil)
	if m == nil {
		m, err = c.aside.loader.Keep(d.Paged)
	}
	if err != nil {
		c.strike(d.tag)
		return
	}
	c.delivering.Lock()
	defer c.delivering.Unlock()
	if c.isOver() {
		c.giveBack(d)
		return
	}
	c.flush(nil) // what came before
	var one [1]Delivery
	c.fill(&one[0], m, d.tag, d.Redelivered)
	c.give(one[:], nil)
}

func (c *Consumer) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// returnAside is called when the consumer is over. It waits for the delivery that is being
// made, returns those that will not be to the queue, and says whether nothing is left to be settled.
func (c *Consumer) returnAside() (empty bool) {
	c.delivering.Lock()
	defer c.delivering.Unlock()
	for {
		c.mu.Lock()
		d, ok := c.aside.take()
		empty = c.out.Len() == 0
		c.mu.Unlock()
		if !ok {
			return empty
		}
		c.giveBack(d)
	}
}

// giveBack returns a delivery that its consumer has not seen.
func (c *Consumer) giveBack(d putAside) {
	if d.Paged != nil {
		d.Paged.Drop()
	}
	if c.options.NoAck {
		return
	}
	if pos, _, ok := c.strike(d.tag); ok {
		c.conn.burst(func(b *core.Burst) { c.core.Queue.Return(b, pos) })
	}
}

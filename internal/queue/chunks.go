package queue

// find returns the chunk of a number, or nil.
func (d *deque[M]) find(number uint64) *chunk[M] {
	if c := d.recent; c != nil && c.number == number {
		return c
	}
	if c := d.last; c != nil && c.number == number {
		return c
	}
	c := d.chunks[number]
	if c != nil {
		d.recent = c
	}
	return c
}

// insert links a new chunk in its place. Nearly always that is the end. While
// a queue is restored, runs of old positions come between those of new ones;
// then the place is searched from the chunk used last.
func (d *deque[M]) insert(number uint64) *chunk[M] {
	c := d.newChunk(number)
	d.chunks[number] = c
	d.most = max(d.most, len(d.chunks))
	d.link(c, d.before(number))
	if c.next == d.cursor {
		d.cursor = c
	}
	return c
}

// before returns the last chunk whose number is lower, or nil.
func (d *deque[M]) before(number uint64) *chunk[M] {
	p := d.last
	if p == nil || p.number < number {
		return p
	}
	if d.recent != nil {
		p = d.recent
	}
	for p != nil && p.number > number {
		p = p.prev
	}
	for p != nil && p.next != nil && p.next.number < number {
		p = p.next
	}
	return p
}

// link puts a chunk behind another, or first if that is nil.
func (d *deque[M]) link(c, prev *chunk[M]) {
	c.prev, c.next = prev, d.first
	if prev == nil {
		d.first = c
	} else {
		c.next = prev.next
		prev.next = c
	}
	if c.next == nil {
		d.last = c
	} else {
		c.next.prev = c
	}
}

// freeIfDead unlinks a chunk that has no live slot, unless positions in it are
// still to come. An empty deque is left with one chunk, be it the last or the spare.
func (d *deque[M]) freeIfDead(c *chunk[M]) {
	if c.live() {
		return
	}
	if c.number == d.next/chunkSize {
		if d.first == d.last {
			d.spare = nil
		}
		return
	}
	d.unlink(c)
	delete(d.chunks, c.number)
	d.shrink()
	if d.cursor == c {
		d.cursor = c.next
	}
	if d.recent == c {
		d.recent = nil
	}
	d.recycle(c)
}

func (d *deque[M]) unlink(c *chunk[M]) {
	if c.prev == nil {
		d.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		d.last = c.prev
	} else {
		c.next.prev = c.prev
	}
}

// shrink gives the memory of the map back after a long queue was consumed.
func (d *deque[M]) shrink() {
	if d.most < shrinkFrom || len(d.chunks) > d.most/8 {
		return
	}
	d.most = len(d.chunks)
	d.chunks = make(map[uint64]*chunk[M], d.most)
	for c := d.first; c != nil; c = c.next {
		d.chunks[c.number] = c
	}
}

// newChunk takes the spare chunk or makes one.
func (d *deque[M]) newChunk(number uint64) *chunk[M] {
	c := d.spare
	d.spare = nil
	if c == nil {
		c = new(chunk[M])
	}
	c.number = number
	return c
}

// recycle keeps an unlinked chunk, all of whose slots are erased, as the spare one.
func (d *deque[M]) recycle(c *chunk[M]) {
	c.prev, c.next = nil, nil
	d.spare = c
}

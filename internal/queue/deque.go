package queue

// deque keeps entries in slots addressed by position, in chunks.
//
//	          first                          cursor          last
//	        ┌────────┐     ┌────────┐     ┌────────┐     ┌────────┐
//	chunks  │ 3      │ ──► │ 7      │ ──► │ 8      │ ──► │ 9      │
//	        │ .o.... │     │ oorooo │     │ ..ooor │     │ rrh--- │   next = 9*64+3
//	        └────────┘     └────────┘     └────────┘     └────────┘
//	                        returned
//
//	. gone   o out   r ready   h reserved, a hole   - not yet reserved
//
// The cursor only moves forward: chunks before it have been delivered in full.
// Where an entry becomes ready behind it (it came back, or a hole was filled
// late), the chunk is put on the heap of returned chunks, and these are served
// first. So the first ready entry is found without a search, whatever lies
// between. A chunk without a live slot is unlinked at once, except the one in
// which next lies.
//
// All operations are O(1) amortised; only a chunk's way through the heap costs
// the logarithm of the number of those that wait there.
//
// In a queue with priorities there is one deque for each, and what is called a
// position here is the entry's number in its lane, see lanes.
type deque[M any] struct {
	lane       place
	next       uint64    // the position that is reserved next
	ready, out int       // entries in these states
	tally      *tally[M] // counts along, nil if nobody asks

	chunks      map[uint64]*chunk[M] // by number
	most        int                  // the most chunks since the map was made
	first, last *chunk[M]
	cursor      *chunk[M] // nil: beyond last
	returned    returned[M]

	recent *chunk[M] // found by the last search, likely to be asked for again
	spare  *chunk[M] // kept for the next one needed
}

// shrinkFrom is the number of chunks from which the map is made anew when most
// of them are gone, and the heap of returned ones when all are.
const shrinkFrom = 1024

func newDeque[M any]() deque[M] {
	return deque[M]{lane: place{stride: 1}, next: 1, chunks: make(map[uint64]*chunk[M])}
}

// split returns the number of a position's chunk, its slot and the slot's bit.
func split(pos uint64) (number, slot, bit uint64) {
	slot = pos % chunkSize
	return pos / chunkSize, slot, 1 << slot
}

// reserve opens the next position.
func (d *deque[M]) reserve() uint64 {
	pos := d.next
	number, _, bit := split(pos)
	c := d.last
	if c == nil || c.number != number {
		c = d.insert(number)
	}
	c.reserved |= bit
	d.moveNext(pos + 1)
	return pos
}

// reserveFrom moves next forward.
func (d *deque[M]) reserveFrom(next uint64) {
	if next > d.next {
		d.moveNext(next)
	}
}

// moveNext sets next, and lets go of the chunk it leaves if that is of no use any more.
func (d *deque[M]) moveNext(next uint64) {
	left := d.next / chunkSize
	d.next = next
	if next/chunkSize == left {
		return
	}
	if c := d.find(left); c != nil {
		d.freeIfDead(c)
	}
}

// fill puts a message into a reserved position.
func (d *deque[M]) fill(pos uint64, m M, expiry Time) bool {
	number, slot, bit := split(pos)
	c := d.find(number)
	if c == nil || c.reserved&bit == 0 {
		return false
	}
	c.reserved &^= bit
	c.slots[slot] = m
	c.expireAt(slot, expiry)
	d.makeReady(c, bit)
	return true
}

// skip gives up a position, and reports whether it was reserved.
func (d *deque[M]) skip(pos uint64) bool {
	number, _, bit := split(pos)
	c := d.find(number)
	if c == nil || c.reserved&bit == 0 {
		return false
	}
	c.reserved &^= bit
	d.freeIfDead(c)
	return true
}

// restore puts a message into a position, reserved or not. An entry that is
// there already stays as it is.
func (d *deque[M]) restore(pos uint64, m M, h history, expiry Time) {
	number, slot, bit := split(pos)
	c := d.find(number)
	if c == nil {
		c = d.insert(number)
	}
	if (c.ready|c.out)&bit != 0 {
		return
	}
	c.reserved &^= bit
	c.slots[slot] = m
	if h != 0 {
		c.remember(slot, h)
	}
	c.expireAt(slot, expiry)
	d.makeReady(c, bit)
	d.reserveFrom(pos + 1)
}

// take hands the first ready entry, of which there must be one, to a holder,
// and tells it in e.
func (d *deque[M]) take(holder *consumer, e *Entry[M]) {
	c := d.firstReady()
	slot := c.firstReady()
	bit := uint64(1) << slot
	d.unready(c, bit)
	c.out |= bit
	d.out++
	c.hold(slot, holder)
	d.tell(c, slot, e)
}

// remove takes the first ready entry, of which there must be one, out of the
// deque, and tells it in e.
func (d *deque[M]) remove(e *Entry[M]) {
	c := d.firstReady()
	slot := c.firstReady()
	d.tell(c, slot, e)
	d.unready(c, 1<<slot)
	c.erase(slot)
	d.freeIfDead(c)
}

// settle removes an entry that is out, and returns its message and its holder.
func (d *deque[M]) settle(pos uint64) (m M, holder *consumer, ok bool) {
	number, slot, bit := split(pos)
	c := d.find(number)
	if c == nil || c.out&bit == 0 {
		return m, nil, false
	}
	m, holder = c.slots[slot], c.holders[slot]
	c.out &^= bit
	d.out--
	c.erase(slot)
	d.freeIfDead(c)
	return m, holder, true
}

// giveBack makes an entry that is out ready again, as one that was returned or
// as if it had never left, and returns who held it.
func (d *deque[M]) giveBack(pos uint64, returned bool) (holder *consumer, ok bool) {
	number, slot, bit := split(pos)
	c := d.find(number)
	if c == nil || c.out&bit == 0 {
		return nil, false
	}
	holder, c.holders[slot] = c.holders[slot], nil
	if returned {
		c.remember(slot, c.history(slot).returned())
	}
	c.out &^= bit
	d.out--
	d.makeReady(c, bit)
	return holder, true
}

// lookup returns the entry at a position and its state.
func (d *deque[M]) lookup(pos uint64) (e Entry[M], s State, ok bool) {
	number, slot, bit := split(pos)
	c := d.find(number)
	if c == nil {
		return e, 0, false
	}
	if s, ok = c.state(bit); !ok {
		return e, 0, false
	}
	d.tell(c, slot, &e)
	return e, s, true
}

// all yields the entries that are ready or out, in order, and returns whether
// more are asked for.
func (d *deque[M]) all(yield func(Entry[M], State) bool) bool {
	for c := d.first; c != nil; c = c.next {
		for slot := uint64(0); slot < chunkSize; slot++ {
			s, ok := c.state(1 << slot)
			if !ok || s == Reserved {
				continue
			}
			var e Entry[M]
			d.tell(c, slot, &e)
			if !yield(e, s) {
				return false
			}
		}
	}
	return true
}

// tell writes what a slot holds to e.
func (d *deque[M]) tell(c *chunk[M], slot uint64, e *Entry[M]) {
	h := c.history(slot)
	e.Pos, e.Msg = d.lane.position(c.number*chunkSize+slot), c.slots[slot]
	e.Redelivered, e.Deliveries = h.redelivered(), h.deliveries()
}

// firstPosition returns where the first ready entry is, of which there must be one.
func (d *deque[M]) firstPosition() uint64 {
	c := d.firstReady()
	return d.lane.position(c.number*chunkSize + c.firstReady())
}

// expiry returns when the first ready entry, of which there must be one, expires, or 0.
func (d *deque[M]) expiry() Time {
	c := d.firstReady()
	return c.expiry(c.firstReady())
}

// makeReady marks a slot as ready. A chunk that the cursor has passed is on the
// heap as long as anything in it is ready.
func (d *deque[M]) makeReady(c *chunk[M], bit uint64) {
	if c.ready == 0 && d.passed(c) {
		d.returned.push(c)
	}
	c.ready |= bit
	d.ready++
	if d.tally != nil {
		d.tally.enter(d.lane, c, bit)
	}
}

// unready takes the mark from a slot of the chunk that firstReady returned.
func (d *deque[M]) unready(c *chunk[M], bit uint64) {
	c.ready &^= bit
	d.ready--
	if c.ready == 0 && d.passed(c) {
		d.returned.pop()
	}
	if d.tally != nil {
		d.tally.leave(d.lane, c, bit, d.ready)
	}
}

// passed says whether the cursor is beyond the chunk.
func (d *deque[M]) passed(c *chunk[M]) bool {
	return d.cursor == nil || d.cursor.number > c.number
}

// firstReady returns the chunk of the first ready entry, of which there must be one.
func (d *deque[M]) firstReady() *chunk[M] {
	if len(d.returned) > 0 {
		return d.returned[0]
	}
	for d.cursor.ready == 0 {
		d.cursor = d.cursor.next
	}
	return d.cursor
}

package queue

// Replace puts another message in the place of the one that is ready or out at
// a position, which keeps its place, state and history. It returns false when
// there is none.
func (q *Queue[M]) Replace(pos uint64, m M) bool {
	d, number := q.find(pos)
	number, slot, bit := split(number)
	c := d.find(number)
	if c == nil {
		return false
	}
	s, ok := c.state(bit)
	if !ok || s == Reserved {
		return false
	}
	if d.tally != nil && s == Ready {
		d.tally.leave(d.lane, c, bit, 1)
		defer d.tally.enter(d.lane, c, bit)
	}
	c.slots[slot] = m
	return true
}

package queue

// Replace puts another message in the place of the one that is ready or out at
// a position, which keeps its place, state and history. It returns false when
// there is none.
func (q *Queue[M]) Replace(pos uint64, m M) bool {
	number, slot, bit := split(pos)
	c := q.entries.find(number)
	if c == nil {
		return false
	}
	if s, ok := c.state(bit); !ok || s == Reserved {
		return false
	}
	c.slots[slot] = m
	return true
}

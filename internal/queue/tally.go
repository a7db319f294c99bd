package queue

// tally counts what is ready, over all lanes of a queue. A plain queue, whose
// deque knows how many entries are ready, needs none.
type tally[M any] struct {
	ready int
	busy  [4]uint64   // a bit for each priority: something is ready in that lane
	size  func(M) int // nil if bytes are not counted
	bytes int64
}

func (t *tally[M]) enter(lane place, c *chunk[M], bit uint64) {
	t.ready++
	t.busy[lane.index/64] |= 1 << (lane.index % 64)
	t.bytes += t.measure(c, bit)
}

// leave counts an entry less; left are ready in its lane.
func (t *tally[M]) leave(lane place, c *chunk[M], bit uint64, left int) {
	t.ready--
	if left == 0 {
		t.busy[lane.index/64] &^= 1 << (lane.index % 64)
	}
	t.bytes -= t.measure(c, bit)
}

func (t *tally[M]) measure(c *chunk[M], bit uint64) int64 {
	if t.size == nil {
		return 0
	}
	return int64(t.size(c.slots[slotOf(bit)]))
}

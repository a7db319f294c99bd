package queue

// Cursor is how far a walk by Backward has come. The zero value is the back of the queue.
type Cursor struct {
	lane   uint64
	passed uint64 // the chunks from ^passed on
}

// BackFrom returns the cursor of a walk that leaves out what lies behind the entry at pos, which need not be there any more.
// With two levels pos is of the normal one; the high one is walked as a whole.
func (q *Queue[M]) BackFrom(pos uint64) Cursor {
	if q.lanes != nil && !q.lanes.levels { // what lies behind in one lane may lie before in another
		return Cursor{}
	}
	return Cursor{passed: ^(pos/chunkSize + 1)}
}

// Backward visits the last entries before the cursor that are ready or out, at most 64 of them, and returns how far it came; more is
// false when none are left. visit may Replace what it is shown. Between two calls the queue may change: what is
// pushed meanwhile is not visited.
func (q *Queue[M]) Backward(from Cursor, visit func(Entry[M], State)) (to Cursor, more bool) {
	for ; ; from = (Cursor{lane: from.lane + 1}) {
		d := &q.entries
		if q.lanes != nil {
			if from.lane >= q.lanes.stride() {
				return from, false
			}
			d = q.lanes.deques[from.lane]
		} else if from.lane > 0 {
			return from, false
		}
		if d == nil {
			continue
		}
		if c := d.preceding(^from.passed); c != nil {
			d.visit(c, visit)
			d.recent = c // the next step begins beside it
			return Cursor{lane: from.lane, passed: ^c.number}, true
		}
	}
}

// preceding returns the last chunk whose number is lower, or nil.
func (d *deque[M]) preceding(number uint64) *chunk[M] {
	if c := d.chunks[number]; c != nil {
		return c.prev
	}
	return d.before(number)
}

func (d *deque[M]) visit(c *chunk[M], visit func(Entry[M], State)) {
	for word := c.ready | c.out; word != 0; word &= word - 1 {
		slot := slotOf(word)
		s, _ := c.state(1 << slot)
		var e Entry[M]
		d.tell(c, slot, &e)
		visit(e, s)
	}
}

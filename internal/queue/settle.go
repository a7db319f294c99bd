package queue

// Settle ends an entry that is out: it was acknowledged. It returns the
// message, and false if nothing is out at that position. The credit goes back
// to the entry's consumer, if that is still attached.
func (q *Queue[M]) Settle(now Time, pos uint64) (m M, ok bool, fx *Effects[M]) {
	q.effects.reset()
	m, c, ok := q.entries.settle(pos)
	if !ok {
		return m, false, &q.effects
	}
	q.roster.credit(c)
	return m, true, q.deliver()
}

// Reject ends an entry that is out because its consumer refused it, or returns
// it to its place in the queue. An entry that is not out is left alone.
func (q *Queue[M]) Reject(now Time, pos uint64, requeue bool) *Effects[M] {
	if requeue {
		return q.Requeue(now, pos)
	}
	q.effects.reset()
	e, _, _ := q.entries.lookup(pos)
	_, c, ok := q.entries.settle(pos)
	if !ok {
		return &q.effects
	}
	q.effects.Drop = append(q.effects.Drop, Dropped[M]{Entry: e, Reason: Rejected})
	q.roster.credit(c)
	return q.deliver()
}

// Requeue returns entries that are out to their places, marked as redelivered,
// and only then delivers again. Positions at which nothing is out are ignored.
//
// A channel that closes detaches its consumers first, then requeues all it
// held in one call; else the entries would go back to where they came from.
func (q *Queue[M]) Requeue(now Time, positions ...uint64) *Effects[M] {
	q.effects.reset()
	for _, pos := range positions {
		if c, ok := q.entries.giveBack(pos); ok {
			q.roster.credit(c)
		}
	}
	return q.deliver()
}

// Get takes the first ready entry. It is out then, on nobody's credit, until
// settled, rejected or requeued by position; with noAck it is gone at once.
func (q *Queue[M]) Get(now Time, noAck bool) (e Entry[M], ok bool) {
	q.Touch(now)
	switch {
	case q.entries.ready == 0:
		return e, false
	case noAck:
		q.entries.remove(&e)
	default:
		q.entries.take(nil, &e)
	}
	return e, true
}

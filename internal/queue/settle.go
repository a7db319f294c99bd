package queue

// Settle ends an entry that is out: it was acknowledged. It returns the
// message, and false if nothing is out at that position. The credit goes back
// to the entry's consumer, if that is still attached.
func (q *Queue[M]) Settle(now Time, pos uint64) (m M, ok bool, fx *Effects[M]) {
	q.effects.reset()
	d, number := &q.entries, pos
	if q.lanes != nil {
		d, number = q.lanes.find(pos)
	}
	m, c, ok := d.settle(number)
	if !ok {
		return m, false, &q.effects
	}
	q.roster.credit(c)
	return m, true, q.deliver(now)
}

// Reject ends an entry that is out because its consumer refused it, or returns
// it to its place in the queue. An entry that is not out is left alone.
func (q *Queue[M]) Reject(now Time, pos uint64, requeue bool) *Effects[M] {
	if requeue {
		return q.Requeue(now, pos)
	}
	q.effects.reset()
	e, s, _ := q.Lookup(pos)
	if s != Out {
		return &q.effects
	}
	q.discard(e, Rejected)
	return q.deliver(now)
}

// Requeue returns entries that are out to their places, marked as redelivered,
// and only then delivers again. Positions at which nothing is out are ignored.
// Entries that come back too often are dropped, see Config.DeliveryLimit.
//
// A channel that closes detaches its consumers first, then requeues all it
// held in one call; else the entries would go back to where they came from.
func (q *Queue[M]) Requeue(now Time, positions ...uint64) *Effects[M] {
	q.effects.reset()
	for _, pos := range positions {
		q.requeue(pos)
	}
	return q.proceed(now)
}

func (q *Queue[M]) requeue(pos uint64) {
	if q.cfg.DeliveryLimit.set && q.wearOut(pos) {
		return
	}
	d, number := q.find(pos)
	if c, ok := d.giveBack(number, true); ok {
		q.roster.credit(c)
	}
}

// Return is Requeue of entries that nobody has seen: they are where they were, as if they had never left, and it does not count
// as a delivery.
func (q *Queue[M]) Return(now Time, positions ...uint64) *Effects[M] {
	q.effects.reset()
	for _, pos := range positions {
		d, number := q.find(pos)
		if c, ok := d.giveBack(number, false); ok {
			q.roster.credit(c)
		}
	}
	return q.proceed(now)
}

// wearOut drops an entry that is out if it may not come back once more.
func (q *Queue[M]) wearOut(pos uint64) bool {
	e, s, _ := q.Lookup(pos)
	if s != Out || int64(e.Deliveries) < q.cfg.DeliveryLimit.n {
		return false
	}
	e.Redelivered = true
	e.Deliveries++
	q.discard(e, DeliveryLimit)
	return true
}

// discard ends an entry that is out, to be dropped as e.
func (q *Queue[M]) discard(e Entry[M], why Reason) {
	d, number := q.find(e.Pos)
	_, c, _ := d.settle(number)
	q.effects.addDropped(why).Entry = e
	q.roster.credit(c)
}

// TakeBack undoes a delivery of the event whose effects are being performed:
// the sink had no room. The entry is where it was, as if it had never left, and
// its consumer's credit too. It returns false if nothing is out at the position.
//
// It delivers nothing but sets Effects.More, so that the entry may go to another
// consumer. The caller pauses this one, else it would be chosen again. What was
// delivered without acknowledgement is gone and cannot be taken back.
func (q *Queue[M]) TakeBack(pos uint64) bool {
	d, number := q.find(pos)
	c, ok := d.giveBack(number, false)
	if !ok {
		return false
	}
	q.roster.credit(c)
	q.effects.More = true
	return true
}

// Get takes the first ready entry. It is out then, on nobody's credit, until
// settled, rejected or requeued by position; with noAck it is gone at once.
//
// It does not look whether the entry has expired: where the Deadline has
// passed, Advance comes before.
func (q *Queue[M]) Get(now Time, noAck bool) (e Entry[M], ok bool) {
	q.Touch(now)
	switch {
	case q.Len() == 0:
		return e, false
	case noAck:
		q.remove(&e)
	default:
		q.take(nil, &e)
	}
	return e, true
}

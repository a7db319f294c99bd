package queue

import "errors"

// ErrExclusive means that a consumer cannot have the queue for itself, or that another has.
var ErrExclusive = errors.New("queue: in exclusive use")

// ErrAttached means that a consumer of that ID is attached already.
var ErrAttached = errors.New("queue: consumer is already attached")

// ConsumerID names a consumer among those of one queue. The caller chooses it.
type ConsumerID uint64

// A Consumer is what its owner asked for when it attached.
type Consumer struct {
	ID        ConsumerID
	Prefetch  uint16 // how many entries may be out with it; 0 means no limit
	NoAck     bool   // entries are settled by their delivery; Prefetch is ignored
	Exclusive bool   // no other consumer beside it; not possible where one is active at a time
	Priority  int32  // higher ones are served first as long as they have credit
}

// Attach adds a consumer, last in turn among those of its priority. It returns
// ErrExclusive or ErrAttached, and no effects then.
func (q *Queue[M]) Attach(now Time, c Consumer) (*Effects[M], error) {
	if err := q.roster.admits(c); err != nil {
		return nil, err
	}
	q.effects.reset()
	q.roster.add(c)
	q.life.consumed = true
	return q.deliver(now), nil
}

// Detach removes a consumer. What is out with it stays out, until it is
// settled or requeued by position. An unknown consumer is ignored.
func (q *Queue[M]) Detach(now Time, id ConsumerID) *Effects[M] {
	q.effects.reset()
	if !q.roster.remove(id) {
		return &q.effects
	}
	q.Touch(now)
	q.effects.Deleted = q.abandoned()
	return q.deliver(now)
}

// Active returns the consumer that is served where one is active at a time; ok
// is false if there is none, or if all of them are served.
func (q *Queue[M]) Active() (id ConsumerID, ok bool) {
	s := q.roster.single
	if s == nil || s.active == nil {
		return 0, false
	}
	return s.active.ID, true
}

// Pause stops deliveries to a consumer whose reader is slow. It touches no
// effects, so it may be called while they are performed; what they hold for
// that consumer is out with it and must still be sent.
func (q *Queue[M]) Pause(id ConsumerID) { q.roster.pause(id) }

// Resume ends a pause.
func (q *Queue[M]) Resume(now Time, id ConsumerID) *Effects[M] {
	q.effects.reset()
	q.roster.resume(id)
	return q.deliver(now)
}

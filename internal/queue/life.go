package queue

// life is what decides how long a queue stays.
type life struct {
	used     Time // last use, for Config.Expires
	consumed bool // has had a consumer, for Config.AutoDelete
	over     bool // the end was reported
}

// Touch notes that the queue was used: it was declared again.
func (q *Queue[M]) Touch(now Time) { q.life.used = now }

// Deadline returns when Advance is due; ok is false if it never is as things stand.
//
// Any event may bring the deadline nearer. A caller that keeps one timer for
// the queue asks again after a push or a delivery, or where it sees that the
// queue was empty, and lives with a timer that fires too early.
func (q *Queue[M]) Deadline() (t Time, ok bool) {
	end, ends := q.endOfLife()
	expiry, expires := q.nextExpiry()
	if expires && (!ends || expiry < end) {
		return expiry, true
	}
	return end, ends
}

// endOfLife returns when the queue itself expires.
func (q *Queue[M]) endOfLife() (t Time, ok bool) {
	if q.cfg.Expires == 0 || q.life.over || q.Consumers() > 0 {
		return 0, false
	}
	return q.life.used + q.cfg.Expires, true
}

// Advance does what has become due by now, and goes on with what an event left
// over, see Effects.More.
func (q *Queue[M]) Advance(now Time) *Effects[M] {
	q.effects.reset()
	if t, ok := q.endOfLife(); ok && now >= t {
		q.effects.Deleted = q.end(Expired)
	}
	return q.proceed(now)
}

// abandoned ends an auto-delete queue whose last consumer has left.
func (q *Queue[M]) abandoned() Deletion {
	if !q.cfg.AutoDelete || !q.life.consumed || q.life.over || q.Consumers() > 0 {
		return Alive
	}
	return q.end(Abandoned)
}

func (q *Queue[M]) end(d Deletion) Deletion {
	q.life.over = true
	return d
}

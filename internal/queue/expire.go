package queue

import "math"

// Entries expire only when they are first: one that is due behind another that
// is not waits for it. So the first entry's expiry is all there is to watch, but
// where they are scattered.

// expiry returns when an entry that is pushed now expires: the lower of its own
// time to live and the queue's decides. 0 means never.
func (q *Queue[M]) expiry(now Time, ttl Bound) Time {
	if ttl = ttl.Lower(q.cfg.TTL); !ttl.set {
		return 0
	}
	return q.expireIn(now, Time(ttl.n))
}

func (q *Queue[M]) expireIn(now, span Time) Time {
	q.mortal = true
	if span > math.MaxInt64-max(now, 0) {
		return math.MaxInt64
	}
	return notZero(now + span)
}

// notZero moves a moment away from 0, which means never.
func notZero(t Time) Time {
	if t == 0 {
		return 1
	}
	return t
}

// nextExpiry returns when the first ready entry expires.
func (q *Queue[M]) nextExpiry() (t Time, ok bool) {
	if !q.mortal || q.Len() == 0 {
		return 0, false
	}
	if q.cfg.Scattered {
		a, ok := q.nextAppointment()
		return a.when, ok
	}
	t = q.head().expiry()
	return t, t != 0
}

// expire drops first entries as long as they have expired.
func (q *Queue[M]) expire(now Time) {
	switch {
	case !q.mortal:
	case q.cfg.Scattered:
		q.dropScattered(now)
	default:
		q.dropExpired(now)
	}
}

func (q *Queue[M]) dropExpired(now Time) {
	for {
		t, ok := q.nextExpiry()
		if !ok || now < t || !q.drop(MessageExpired) {
			return
		}
	}
}

// Expiry returns when the entry that is ready or out at a position expires; ok
// is false if there is none or it never does.
func (q *Queue[M]) Expiry(pos uint64) (t Time, ok bool) {
	d, number := q.find(pos)
	number, slot, _ := split(number)
	c := d.find(number)
	if c == nil {
		return 0, false
	}
	t = c.expiry(slot)
	return t, t != 0
}

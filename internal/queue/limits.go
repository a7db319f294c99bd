package queue

import "math"

// Overflow says what happens to a queue that is over its limits.
type Overflow uint8

const (
	// DropHead drops from the front until the rest fits. In a queue with
	// priorities the front is the highest one, with two levels the one whose
	// turn it is.
	DropHead Overflow = iota

	// RejectPublish refuses what would not fit, see Admit.
	RejectPublish

	// RejectPublishDeadLetter refuses it and has it dead-lettered.
	RejectPublishDeadLetter
)

// Admission is a queue's answer to a message that is about to be published.
type Admission uint8

const (
	// Admitted is the zero value: the message may be reserved for.
	Admitted Admission = iota

	// Refused means that the queue does not take the message; its publisher is told.
	Refused

	// RefusedToDeadLetter means that besides it is to be dead-lettered, with reason MaxLength.
	RefusedToDeadLetter
)

// limits are a queue's bounds in the form in which they are asked for.
type limits struct {
	length, bytes int64
	dropHead      bool // there is a bound, and it is kept by dropping
	refuse        Admission
}

func newLimits(cfg Config) limits {
	l := limits{length: math.MaxInt64, bytes: math.MaxInt64}
	if n, ok := cfg.MaxLength.Value(); ok {
		l.length = n
	}
	if n, ok := cfg.MaxBytes.Value(); ok {
		l.bytes = n
	}
	switch cfg.Overflow {
	case DropHead:
		l.dropHead = cfg.MaxLength.set || cfg.MaxBytes.set
	case RejectPublish:
		l.refuse = Refused
	case RejectPublishDeadLetter:
		l.refuse = RefusedToDeadLetter
	}
	return l
}

// Admit answers whether a message of so many bytes may be published. Who
// publishes asks before Reserve, and so before the message is journalled;
// what was reserved may always be pushed.
//
// Positions that are reserved and not yet pushed do not count: a consumer may
// take their entries at once. So the queue may exceed its limit by as many
// messages as are under way.
func (q *Queue[M]) Admit(bytes int) Admission {
	if q.limits.refuse == Admitted {
		return Admitted
	}
	if int64(q.Len()) < q.limits.length && int64(bytes) <= q.limits.bytes-q.Bytes() {
		return Admitted
	}
	return q.limits.refuse
}

// overflow drops from the front what is too much.
func (q *Queue[M]) overflow() {
	if q.limits.dropHead {
		q.dropExcess()
	}
}

func (q *Queue[M]) dropExcess() {
	for q.Len() > 0 && (int64(q.Len()) > q.limits.length || q.Bytes() > q.limits.bytes) {
		if !q.drop(MaxLength) {
			return
		}
	}
}

// Bytes returns the size of all ready entries, or 0 without MeasureBy.
func (q *Queue[M]) Bytes() int64 {
	if q.entries.tally == nil {
		return 0
	}
	return q.entries.tally.bytes
}

// MeasureBy tells the queue how to find out the size of a message, which must
// not change while it is in the queue. From then on bytes are counted, at some
// cost for every event; what is ready already is measured now. MaxBytes is
// enforced from the next event on.
func (q *Queue[M]) MeasureBy(size func(M) int) {
	t := q.entries.tally
	if t == nil {
		t = &tally[M]{ready: q.Len()}
		q.entries.tally = t
	}
	t.size, t.bytes = size, 0
	for e, s := range q.All() {
		if s == Ready {
			t.bytes += int64(size(e.Msg))
		}
	}
}

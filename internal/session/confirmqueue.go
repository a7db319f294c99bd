package session

// ConfirmQueue is the broker's side of confirm mode on one channel: the
// publishes that are to be confirmed, in the order in which they came.
//
// Each is either to be acked once the journal is durable up to its position,
// or to be nacked. Both leave in the order of publishing, so what is ready but
// stands behind something that is not waits; consecutive confirms of one kind
// leave as one, with multiple set.
//
//	acked  acked  nacked  acked@90  acked@10
//	└──────┬─────────────┘   ^ durable is 80: waits, and so does the last
//	       └ Collect(80): ack 2 multiple, nack 3
//
// Its zero value is ready; it is not safe for concurrent use. An entry costs 8
// bytes, and the steady state allocates nothing.
type ConfirmQueue struct {
	ring []uint64 // a power of two long; position<<1 | nack
	head uint64   // tags up to head were collected
	tail uint64   // the last tag given out
}

// A Run is one basic.ack or basic.nack to be sent to the publisher.
type Run struct {
	Tag      uint64
	Multiple bool
	Nack     bool
}

// Ack books the next publish, to be acked once durable has reached position,
// and returns its tag. Position 0 is always reached: a transient or an
// unroutable message. Positions are below 1<<63.
func (q *ConfirmQueue) Ack(position uint64) uint64 { return q.push(position << 1) }

// Nack books the next publish as one the broker did not take.
func (q *ConfirmQueue) Nack() uint64 { return q.push(1) }

func (q *ConfirmQueue) push(v uint64) uint64 {
	if q.tail-q.head == uint64(len(q.ring)) {
		q.grow()
	}
	q.ring[q.tail&uint64(len(q.ring)-1)] = v
	q.tail++
	return q.tail
}

func (q *ConfirmQueue) grow() {
	ring := make([]uint64, max(16, 2*len(q.ring)))
	for i := q.head; i < q.tail; i++ {
		ring[i&uint64(len(ring)-1)] = q.ring[i&uint64(len(q.ring)-1)]
	}
	q.ring = ring
}

// Collect hands out the confirms that can be sent now that every position up
// to and including durable is durable, in the order in which they are to be
// sent; send must not call q.
func (q *ConfirmQueue) Collect(durable uint64, send func(Run)) {
	for q.head < q.tail {
		first := q.head
		kind := q.at(first) & 1
		for q.head < q.tail && q.at(q.head)&1 == kind && q.at(q.head)>>1 <= durable {
			q.head++
		}
		if q.head == first {
			return
		}
		send(Run{Tag: q.head, Multiple: q.head-first > 1, Nack: kind == 1})
	}
}

func (q *ConfirmQueue) at(i uint64) uint64 { return q.ring[i&uint64(len(q.ring)-1)] }

// Next tells the position that the oldest waiting publish waits for; ok is
// false when none waits.
func (q *ConfirmQueue) Next() (position uint64, ok bool) {
	if q.head == q.tail {
		return 0, false
	}
	return q.at(q.head) >> 1, true
}

// Len is the number of publishes not yet confirmed.
func (q *ConfirmQueue) Len() int { return int(q.tail - q.head) }

package queue

import (
	"math/bits"
	"slices"
)

// lanes are the parts of a queue with priorities: one deque for each, made when
// it is first needed. Every lane counts its entries on its own, and a position
// is that number and the lane's in one:
//
//	position = number * (MaxPriority + 1) + priority
//
// So a position names its lane, an entry comes back to it with its priority, and
// the highest position that was ever used says for all lanes where to go on.
type lanes[M any] struct {
	stride uint64      // how many there are
	deques []*deque[M] // by priority; nil if never used
	from   uint64      // lowest position to be handed out in a lane that is still to be made
	tally  *tally[M]
}

// place is a lane's part in the positions of its entries.
type place struct{ stride, priority uint64 }

func (p place) position(number uint64) uint64 { return number*p.stride + p.priority }

// numberFrom returns the lowest number whose position is not below pos.
func (p place) numberFrom(pos uint64) uint64 {
	if pos <= p.priority {
		return 0
	}
	return (pos - p.priority + p.stride - 1) / p.stride
}

func newLanes[M any](highest uint8, t *tally[M]) *lanes[M] {
	n := int(highest) + 1
	return &lanes[M]{stride: uint64(n), deques: make([]*deque[M], n), tally: t}
}

// lane returns the deque of a priority; one that is too high counts as the highest.
func (l *lanes[M]) lane(priority uint8) *deque[M] {
	p := min(uint64(priority), l.stride-1)
	if l.deques[p] == nil {
		l.deques[p] = l.newLane(p)
	}
	return l.deques[p]
}

func (l *lanes[M]) newLane(priority uint64) *deque[M] {
	d := newDeque[M]()
	d.lane = place{l.stride, priority}
	d.tally = l.tally
	d.reserveFrom(d.lane.numberFrom(l.from))
	return &d
}

// find returns where a position is: the deque of its lane and its number there.
func (l *lanes[M]) find(pos uint64) (*deque[M], uint64) {
	return l.lane(uint8(pos % l.stride)), pos / l.stride
}

// first returns the highest lane in which anything is ready, or nil.
func (l *lanes[M]) first() *deque[M] {
	for i, word := range slices.Backward(l.tally.busy[:]) {
		if word != 0 {
			return l.deques[i*64+63-bits.LeadingZeros64(word)]
		}
	}
	return nil
}

// reserved returns the position above the highest that was handed out.
func (l *lanes[M]) reserved() uint64 {
	next := l.from
	for _, d := range l.deques {
		if d != nil && d.next > 0 {
			next = max(next, d.lane.position(d.next-1)+1)
		}
	}
	return next
}

func (l *lanes[M]) reserveFrom(next uint64) {
	l.from = max(l.from, next)
	for _, d := range l.deques {
		if d != nil {
			d.reserveFrom(d.lane.numberFrom(next))
		}
	}
}

func (l *lanes[M]) out() (n int) {
	for _, d := range l.deques {
		if d != nil {
			n += d.out
		}
	}
	return n
}

func (l *lanes[M]) all(yield func(Entry[M], State) bool) {
	for _, d := range slices.Backward(l.deques) {
		if d != nil && !d.all(yield) {
			return
		}
	}
}

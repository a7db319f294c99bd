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
//
// The two levels of a queue with these only are lanes, too; see levels.
type lanes[M any] struct {
	levels bool        // there are two, high and normal, that take turns
	deques []*deque[M] // by priority; nil if never used
	from   uint64      // lowest position to be handed out in a lane that is still to be made
	inARow int         // of two levels: entries of the high one that left since the normal one had its turn
	tally  *tally[M]
}

// place is a lane's part in the positions of its entries.
type place struct {
	stride, base uint64
	index        uint64 // of the lane among the others, the higher the more important
}

func (p place) position(number uint64) uint64 { return number*p.stride + p.base }

// numberFrom returns the lowest number whose position is not below pos.
func (p place) numberFrom(pos uint64) uint64 {
	if pos <= p.base {
		return 0
	}
	return (pos - p.base + p.stride - 1) / p.stride
}

func newLanes[M any](highest uint8, t *tally[M]) *lanes[M] {
	return &lanes[M]{deques: make([]*deque[M], int(highest)+1), tally: t}
}

// stride is how many lanes there are.
func (l *lanes[M]) stride() uint64 { return uint64(len(l.deques)) }

// lane returns the deque of a priority; one that is too high counts as the highest.
func (l *lanes[M]) lane(priority uint8) *deque[M] {
	if l.levels {
		return l.level(priority)
	}
	p := min(uint64(priority), l.stride()-1)
	if l.deques[p] == nil {
		l.deques[p] = l.newLane(place{stride: l.stride(), base: p, index: p})
	}
	return l.deques[p]
}

func (l *lanes[M]) newLane(p place) *deque[M] {
	d := newDeque[M]()
	d.lane = p
	d.tally = l.tally
	d.reserveFrom(d.lane.numberFrom(l.from))
	return &d
}

// find returns where a position is: the deque of its lane and its number there.
func (l *lanes[M]) find(pos uint64) (*deque[M], uint64) {
	if l.levels {
		return l.findLevel(pos)
	}
	return l.lane(uint8(pos % l.stride())), pos / l.stride()
}

// first returns the lane of the first ready entry, of which there must be one:
// the highest in which anything is ready, or the level whose turn it is.
func (l *lanes[M]) first() *deque[M] {
	if l.levels {
		return l.nextLevel()
	}
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
			next = max(next, d.reserved())
		}
	}
	return next
}

// reserved returns the position above the highest of a lane in which one was handed out.
func (d *deque[M]) reserved() uint64 { return d.lane.position(d.next-1) + 1 }

func (l *lanes[M]) reserveFrom(next uint64) {
	if l.levels {
		d, number := l.findLevel(next)
		d.reserveFrom(number)
		return
	}
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

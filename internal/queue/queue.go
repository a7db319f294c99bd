package queue

import (
	"fmt"
	"iter"
)

// burst bounds the deliveries of one event, and with it the effects' buffer.
const burst = 32

// Config says how a queue lives. The zero value is a plain queue that stays.
type Config struct {
	// AutoDelete ends the queue when its last consumer leaves; a queue that never had one stays.
	AutoDelete bool

	// Expires ends the queue when it was unused for so long: no consumer, no
	// Get, no Touch. 0 means never.
	Expires Time
}

// A Queue orders entries and shares them out among consumers.
//
// It is not safe for concurrent use: whoever holds the queue's lock owns it.
type Queue[M any] struct {
	cfg     Config
	entries deque[M]
	roster  roster
	life    life
	effects Effects[M]
}

// New returns an empty queue that was declared at the time given.
func New[M any](now Time, cfg Config) *Queue[M] {
	return &Queue[M]{
		cfg:     cfg,
		entries: newDeque[M](),
		roster:  newRoster(),
		life:    life{used: now},
	}
}

// Reserve returns the next position, which the caller must Push or Skip.
// Positions start at 1 and rise.
func (q *Queue[M]) Reserve() uint64 { return q.entries.reserve() }

// ReserveFrom makes sure that no position below next is handed out any more.
// Recovery calls it with the position after the highest it has seen, so that
// a position never names two entries in one journal.
func (q *Queue[M]) ReserveFrom(next uint64) { q.entries.reserveFrom(next) }

// Push fills a reserved position. Any other position is a defect of the caller and panics.
func (q *Queue[M]) Push(now Time, pos uint64, m M) *Effects[M] {
	q.effects.reset()
	if !q.entries.fill(pos, m) {
		panic(fmt.Sprintf("queue: push at position %d, which is not reserved", pos))
	}
	return q.deliver()
}

// Skip gives up a reserved position that will not be pushed.
func (q *Queue[M]) Skip(pos uint64) { q.entries.skip(pos) }

// Restore puts an entry back that was recovered, before the queue has
// consumers. Positions may come in any order; those never restored are gone.
func (q *Queue[M]) Restore(pos uint64, m M, redelivered bool, deliveries uint32) {
	q.entries.restore(pos, m, newHistory(redelivered, deliveries))
}

// Purge removes all ready entries, in order, and returns how many there were.
// Entries that are out stay out.
func (q *Queue[M]) Purge(removed func(Entry[M])) int {
	n := q.entries.ready
	for q.entries.ready > 0 {
		var e Entry[M]
		q.entries.remove(&e)
		removed(e)
	}
	return n
}

// Len returns how many entries are ready.
func (q *Queue[M]) Len() int { return q.entries.ready }

// Unacked returns how many entries are out and not yet settled.
func (q *Queue[M]) Unacked() int { return q.entries.out }

// Consumers returns how many consumers are attached.
func (q *Queue[M]) Consumers() int { return len(q.roster.members) }

// Lookup returns the entry at a position and where it is; ok is false when
// the position is gone or was never reserved.
func (q *Queue[M]) Lookup(pos uint64) (e Entry[M], s State, ok bool) {
	return q.entries.lookup(pos)
}

// All yields every entry that is ready or out, in the order of the queue. The
// queue must not change meanwhile.
func (q *Queue[M]) All() iter.Seq2[Entry[M], State] { return q.entries.all }

// deliver completes the effects of an event with the deliveries that are possible now.
func (q *Queue[M]) deliver() *Effects[M] {
	fx := &q.effects
	for q.entries.ready > 0 {
		c := q.roster.next()
		if c == nil {
			break
		}
		if len(fx.Deliver) == burst {
			fx.More = true
			break
		}
		q.deliverTo(c, fx.addDelivery())
	}
	return fx
}

func (q *Queue[M]) deliverTo(c *consumer, d *Delivery[M]) {
	d.Consumer, d.NoAck = c.ID, c.NoAck
	if c.NoAck {
		q.entries.remove(&d.Entry)
	} else {
		q.entries.take(c, &d.Entry)
	}
	q.roster.served(c)
}

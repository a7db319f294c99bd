package queue

import (
	"fmt"
	"iter"
)

// burst bounds the deliveries of one event, and with it the effects' buffer.
const burst = 32

// Config says how a queue lives and what it bears. The zero value is a plain
// queue that stays. All but MaxPriority, TwoLevels, Scattered and the two about a single active
// consumer can be changed later, see Configure.
type Config struct {
	// AutoDelete ends the queue when its last consumer leaves; a queue that never had one stays.
	AutoDelete bool

	// Expires ends the queue when it was unused for so long: no consumer, no
	// Get, no Touch. 0 means never.
	Expires Time

	// TTL is how long an entry that is pushed may wait, in nanoseconds. The
	// entry may have a lower one of its own, see PushWith.
	TTL Bound

	// Scattered lets entries expire one by one, each at its time wherever it stands,
	// and not only when it is first. It costs 16 bytes for each that is to expire.
	// Such a queue has no consumers, and nobody gets from it.
	Scattered bool

	// MaxLength and MaxBytes bound what is ready. What is out does not count.
	// MaxBytes has no effect before MeasureBy.
	MaxLength, MaxBytes Bound

	// Overflow says what happens when a bound is exceeded.
	Overflow Overflow

	// DeliveryLimit is how often an entry may come back. Returned once more, it
	// is dropped.
	DeliveryLimit Bound

	// MaxPriority is the highest priority; 0 makes a queue without priorities.
	MaxPriority uint8

	// TwoLevels tells two priorities apart: above 4 an entry is high, else normal.
	// While both are ready they leave in turns, two high ones, then a normal
	// one; an entry that leaves while none of the other level is ready starts the
	// count anew. What is dropped from the front takes its turn as what is
	// delivered. It excludes MaxPriority.
	TwoLevels bool

	// SingleActive serves one consumer alone, the others wait to succeed it.
	SingleActive bool

	// TakeOver, with SingleActive, lets a consumer of higher priority succeed
	// the active one as soon as that has settled what is out with it. Without
	// TakeOver priorities matter only among those that wait.
	TakeOver bool
}

// A Queue orders entries and shares them out among consumers.
//
// It is not safe for concurrent use: whoever holds the queue's lock owns it.
type Queue[M any] struct {
	cfg     Config
	entries deque[M]  // of a queue without priorities
	lanes   *lanes[M] // of one with, or with two levels
	roster  roster
	life    life
	limits  limits
	mortal  bool // some entry had an expiry
	agenda  agenda
	effects Effects[M]
	large   func(M) bool // nil: no message is
}

// New returns an empty queue that was declared at the time given.
func New[M any](now Time, cfg Config) *Queue[M] {
	q := &Queue[M]{
		cfg:     cfg,
		entries: newDeque[M](),
		roster:  newRoster(cfg),
		life:    life{used: now},
		limits:  newLimits(cfg),
	}
	switch {
	case cfg.TwoLevels:
		q.entries.tally = new(tally[M])
		q.lanes = newLevels(q.entries.tally)
	case cfg.MaxPriority > 0:
		q.entries.tally = new(tally[M])
		q.lanes = newLanes(cfg.MaxPriority, q.entries.tally)
	}
	return q
}

// Configure changes what may be changed, and applies it to the entries that
// are there: those over a limit are dropped. Only TTL is for new entries.
func (q *Queue[M]) Configure(now Time, cfg Config) *Effects[M] {
	q.effects.reset()
	cfg.MaxPriority, cfg.SingleActive, cfg.TakeOver = q.cfg.MaxPriority, q.cfg.SingleActive, q.cfg.TakeOver
	cfg.Scattered, cfg.TwoLevels = q.cfg.Scattered, q.cfg.TwoLevels
	if cfg.Expires != q.cfg.Expires {
		q.Touch(now)
	}
	q.cfg, q.limits = cfg, newLimits(cfg)
	return q.proceed(now)
}

// Reserve returns the next position, which the caller must Push or Skip.
// Positions start at 1 and rise.
func (q *Queue[M]) Reserve() uint64 {
	if q.lanes == nil {
		return q.entries.reserve()
	}
	return q.ReserveIn(0)
}

// ReserveIn returns the next position of a priority; one above the queue's
// highest counts as that. Within a priority positions rise.
func (q *Queue[M]) ReserveIn(priority uint8) uint64 {
	if q.lanes == nil {
		return q.entries.reserve()
	}
	d := q.lanes.lane(priority)
	return d.lane.position(d.reserve())
}

// ReserveFrom makes sure that no position below next is handed out any more.
// Recovery calls it with the position after the highest it has seen, so that
// a position never names two entries in one journal. Of two levels it means the
// one in which next is: the other goes on from where it is.
func (q *Queue[M]) ReserveFrom(next uint64) {
	if q.lanes == nil {
		q.entries.reserveFrom(next)
		return
	}
	q.lanes.reserveFrom(next)
}

// Reserved returns the position above the highest that was handed out: what ReserveFrom would have to be told. Of two
// levels that is the normal one's, and nextHigh the other's; else nextHigh is 0.
func (q *Queue[M]) Reserved() (next, nextHigh uint64) {
	switch {
	case q.lanes == nil:
		return q.entries.next, 0
	case q.lanes.levels:
		return q.lanes.deques[normal].reserved(), q.lanes.deques[high].reserved()
	}
	return q.lanes.reserved(), 0
}

// Push fills a reserved position. Any other position is a defect of the caller and panics.
func (q *Queue[M]) Push(now Time, pos uint64, m M) *Effects[M] {
	return q.push(now, pos, m, q.expiry(now, Bound{}))
}

// PushWith is Push for a message with a time to live of its own, in nanoseconds.
//
// An entry that may not wait at all is delivered if a consumer is ready for it,
// and dropped otherwise.
func (q *Queue[M]) PushWith(now Time, pos uint64, m M, ttl Bound) *Effects[M] {
	return q.push(now, pos, m, q.expiry(now, ttl))
}

// push fills a position. A consumer's chance comes before the limits, and what
// expires this very moment has not yet expired for it.
func (q *Queue[M]) push(now Time, pos uint64, m M, expiry Time) *Effects[M] {
	q.effects.reset()
	if q.pass(pos, m) {
		return &q.effects
	}
	d, number := &q.entries, pos
	if q.lanes != nil {
		d, number = q.lanes.find(pos)
	}
	if !d.fill(number, m, expiry) {
		panic(notReserved(pos))
	}
	q.appoint(pos, expiry)
	fx := q.deliver(now - 1)
	q.overflow()
	q.expire(now)
	return fx
}

// pass gives a message that finds nothing ready before it straight to a consumer that need not acknowledge it; false if that cannot be.
func (q *Queue[M]) pass(pos uint64, m M) bool {
	if q.lanes != nil || q.entries.ready > 0 {
		return false
	}
	c := q.roster.next()
	if c == nil || !c.NoAck || !q.entries.skip(pos) {
		return false
	}
	*q.effects.addDelivery() = Delivery[M]{Consumer: c.ID, NoAck: true, Entry: Entry[M]{Pos: pos, Msg: m}}
	q.roster.served(c)
	return true
}

func notReserved(pos uint64) string {
	return fmt.Sprintf("queue: push at position %d, which is not reserved", pos)
}

// Skip gives up a reserved position that will not be pushed.
func (q *Queue[M]) Skip(pos uint64) {
	d, number := q.find(pos)
	d.skip(number)
}

// Restore puts an entry back that was recovered, before the queue has
// consumers. Positions may come in any order; those never restored are gone.
func (q *Queue[M]) Restore(pos uint64, m M, redelivered bool, deliveries uint32) {
	q.RestoreWith(pos, m, redelivered, deliveries, 0)
}

// RestoreWith is Restore for an entry that expires, which may be in the past;
// 0 means never. After the last one, Advance drops what has expired or is over
// the limits.
func (q *Queue[M]) RestoreWith(pos uint64, m M, redelivered bool, deliveries uint32, expiry Time) {
	q.mortal = q.mortal || expiry != 0
	d, number := q.find(pos)
	d.restore(number, m, newHistory(redelivered, deliveries), expiry)
	q.appoint(pos, expiry)
}

// Purge removes the first ready entries, in order, at most so many, and returns
// how many there were. Entries that are out stay out.
func (q *Queue[M]) Purge(most int, removed func(Entry[M])) int {
	n := min(most, q.Len())
	for range n {
		var e Entry[M]
		q.remove(&e)
		removed(e)
	}
	return n
}

// Len returns how many entries are ready.
func (q *Queue[M]) Len() int {
	if q.lanes == nil {
		return q.entries.ready
	}
	return q.lanes.tally.ready
}

// Unacked returns how many entries are out and not yet settled.
func (q *Queue[M]) Unacked() int {
	if q.lanes == nil {
		return q.entries.out
	}
	return q.lanes.out()
}

// Consumers returns how many consumers are attached.
func (q *Queue[M]) Consumers() int { return len(q.roster.members) }

// Lookup returns the entry at a position and where it is; ok is false when
// the position is gone or was never reserved.
func (q *Queue[M]) Lookup(pos uint64) (e Entry[M], s State, ok bool) {
	d, number := q.find(pos)
	return d.lookup(number)
}

// First returns the position of the first ready entry; ok is false if there is none.
func (q *Queue[M]) First() (pos uint64, ok bool) {
	if q.Len() == 0 {
		return 0, false
	}
	return q.head().firstPosition(), true
}

// All yields every entry that is ready or out, in the order of the queue;
// of two levels first the high one. The queue must not change meanwhile.
func (q *Queue[M]) All() iter.Seq2[Entry[M], State] {
	return func(yield func(Entry[M], State) bool) {
		if q.lanes == nil {
			q.entries.all(yield)
			return
		}
		q.lanes.all(yield)
	}
}

// find returns the deque in which a position is, and the position's number there.
func (q *Queue[M]) find(pos uint64) (*deque[M], uint64) {
	if q.lanes == nil {
		return &q.entries, pos
	}
	return q.lanes.find(pos)
}

// head returns the deque with the first ready entry, of which there must be one.
func (q *Queue[M]) head() *deque[M] {
	if q.lanes == nil {
		return &q.entries
	}
	return q.lanes.first()
}

// take hands the first ready entry, of which there must be one, to a holder,
// and tells it in e.
func (q *Queue[M]) take(holder *consumer, e *Entry[M]) {
	d := q.head()
	d.take(holder, e)
	if q.lanes != nil {
		q.lanes.left(d)
	}
}

// remove takes the first ready entry, of which there must be one, out of the
// queue, and tells it in e.
func (q *Queue[M]) remove(e *Entry[M]) {
	d := q.head()
	d.remove(e)
	if q.lanes != nil {
		q.lanes.left(d)
	}
}

// proceed enforces the limits and then delivers, as every event does that
// makes entries ready which were not pushed just now.
func (q *Queue[M]) proceed(now Time) *Effects[M] {
	q.overflow()
	return q.deliver(now)
}

// deliver completes the effects of an event with the deliveries that are
// possible now. What has expired by then is dropped instead.
func (q *Queue[M]) deliver(now Time) *Effects[M] {
	fx := &q.effects
	q.expire(now)
	for q.Len() > 0 && !fx.More {
		c := q.roster.next()
		if c == nil {
			break
		}
		if len(fx.Deliver) == burst {
			fx.More = true
			break
		}
		d := fx.addDelivery()
		q.deliverTo(c, d)
		if q.large != nil && q.large(d.Entry.Msg) {
			fx.More = true
			break
		}
		q.expire(now)
	}
	return fx
}

// EndWith has an event end with the delivery of a large message, and leave the rest to Advance: its consumer may be paused before it is given more.
func (q *Queue[M]) EndWith(large func(M) bool) { q.large = large }

func (q *Queue[M]) deliverTo(c *consumer, d *Delivery[M]) {
	d.Consumer, d.NoAck = c.ID, c.NoAck
	if c.NoAck {
		q.remove(&d.Entry)
	} else {
		q.take(c, &d.Entry)
	}
	q.roster.served(c)
}

// drop removes the first ready entry, of which there must be one, for a reason.
// It returns false, and leaves the rest to Advance, when this event dropped enough.
func (q *Queue[M]) drop(why Reason) bool {
	fx := &q.effects
	if len(fx.Drop) >= burst {
		fx.More = true
		return false
	}
	q.remove(&fx.addDropped(why).Entry)
	return true
}

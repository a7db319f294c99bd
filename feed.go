package postrider

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// arrival is a message on its way to whoever receives it.
type arrival struct {
	props       amqp.RawProperties
	body        []byte
	id          pack.Name // nil: it is in the properties
	pack        []byte    // messages, of which the first has this tag; nil: it is a message itself
	redelivered bool
	count       uint8 // of a pack: messages in it, if more than 1 were counted
	plain       bool  // it is a pack of messages that ask for nothing but to be handled, see run
	more        bool  // others waited behind it when it was taken out of the feed
	from        settler
	tag         uint64        // names it to from
	came        time.Duration // into this process, after its start; 0 unless it expires
}

// settler is where an arrival is settled. A stale one cannot be any more: it comes again.
type settler interface {
	ack(tag uint64) error
	ackSoon(tag uint64) error // within a millisecond, together with others
	giveBack(tag uint64) error
	putBack(tag uint64) error // as one that nobody has seen, where the broker can be told
	seen(tag uint64)          // somebody has, though it stays here
	stale(tag uint64) bool
	gone(tag uint64) <-chan struct{} // closed when it is stale; nil: not before the node ends
}

// sender is the name of the node that sent the message.
func (a arrival) sender() []byte {
	v, err := a.props.View()
	if err != nil {
		return nil
	}
	return v.AppID
}

// feed holds arrivals for those who receive them. Whoever brings them never waits, and calls
// ready after one or more; how many there can be is bounded by the prefetch of the intake.
type feed struct {
	mu          sync.Mutex
	first, last *block        // a list; nil: there is nothing
	head, tail  int           // what was taken out of first, and put into last
	waking      bool          // a receiver was woken, and has not looked yet
	resting     int           // receivers that wait
	lent        bool          // the place of one of them, which takes nothing meanwhile: see standIn
	back        *sync.Cond    // lent has become false
	ended       bool          // nothing more is taken out
	closed      bool          // nor put in
	wake        chan struct{} // one place
	out         *atomic.Int64 // counts what was taken out
	idle        func()        // called by who is about to wait; nil: nothing
}

// A block is a part of a feed. One in the pool is empty.
type block struct {
	items [64]arrival
	next  *block
}

var blocks = sync.Pool{New: func() any { return new(block) }}

func newFeed(out *atomic.Int64) *feed {
	f := &feed{wake: make(chan struct{}, 1), out: out}
	f.back = sync.NewCond(&f.mu)
	return f
}

// push reports false when the feed is closed.
func (f *feed) push(batch []arrival) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	for len(batch) > 0 {
		if f.last == nil || f.tail == len(f.last.items) {
			f.extend()
		}
		n := copy(f.last.items[f.tail:], batch)
		f.tail += n
		batch = batch[n:]
	}
	return true
}

// extend appends a block. The caller holds mu.
func (f *feed) extend() {
	b := blocks.Get().(*block)
	if f.last == nil {
		f.first, f.head = b, 0
	} else {
		f.last.next = b
	}
	f.last, f.tail = b, 0
}

// some reports whether there is something. The caller holds mu.
func (f *feed) some() bool { return f.first != nil && (f.first != f.last || f.head < f.tail) }

func (f *feed) isEmpty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.some()
}

// ready wakes a receiver if there is something to receive.
func (f *feed) ready() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.some() {
		f.rouse()
	}
}

// rouse wakes a receiver, one at a time: when that one looks, and there is more, it wakes the next. The caller holds mu.
func (f *feed) rouse() {
	if !f.waking && (!f.lent || f.resting > 1) {
		f.waking = true
		f.signal()
	}
}

func (f *feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// next calls take until it has taken something. It returns false when ctx ends or the feed has ended; not while its place is lent.
func (f *feed) next(ctx context.Context, take func(rested bool) (ok, ended bool)) bool {
	rested := false
	for ctx.Err() == nil {
		ok, ended := take(rested)
		if ok {
			return true
		}
		if ended {
			f.leave(false)
			return false
		}
		if f.idle != nil {
			f.idle()
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
		rested = true
	}
	f.leave(rested)
	f.signal() // whom it was meant for may be another
	return false
}

// leave is for a receiver that is about to end.
func (f *feed) leave(rested bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if rested {
		f.resting--
		f.waking = false
	}
	for f.lent {
		f.back.Wait()
	}
}

// pop takes a message out, or a plain pack as a whole, for who is alone. rested says that the caller has waited since it looked last; it
// will again when there is nothing.
func (f *feed) pop(a *arrival, rested, alone bool) (ok, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if rested {
		f.waking = false
		f.resting--
	}
	switch {
	case f.ended:
		f.signal() // whoever else waits
		return false, true
	case !f.some(), f.lent && f.resting == 0:
		f.resting++
		return false, false
	}
	f.take(a, alone)
	if f.some() {
		a.more = true
		if !alone {
			f.rouse() // another worker may take the next one
		}
	}
	return true, false
}

// take takes out what comes first: a message, or with whole a plain pack as it is. The caller holds mu.
func (f *feed) take(a *arrival, whole bool) {
	f.out.Add(1)
	place := &f.first.items[f.head]
	last := true
	if whole && place.plain {
		*a = *place
	} else {
		last = place.take(a)
	}
	if last {
		*place = arrival{}
		if f.head++; f.head == len(f.first.items) || !f.some() {
			f.dropFirst()
		}
	}
}

// lend takes a message out for who takes the place of a receiver that rests, until he calls giveBack. It returns false if there is no such
// place, or no message that came by itself.
func (f *feed) lend(a *arrival) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lent || f.waking || f.resting == 0 {
		return false
	}
	f.lent = f.takeLent(a)
	return f.lent
}

// lendNext takes another one out for who has the place.
func (f *feed) lendNext(a *arrival) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.takeLent(a)
}

// takeLent takes a message out for who has the place, or is about to. The caller holds mu.
func (f *feed) takeLent(a *arrival) bool {
	if f.ended || !f.some() || f.first.items[f.head].pack != nil {
		return false
	}
	f.take(a, false)
	a.more = f.some()
	return true
}

// giveBack ends a loan.
func (f *feed) giveBack() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lent = false
	f.back.Broadcast()
	if f.some() {
		f.rouse()
	}
}

// dropFirst goes on to the next block, or to the beginning of the last one. The caller holds mu.
func (f *feed) dropFirst() {
	f.head = 0
	if f.first == f.last {
		f.tail = 0
		return
	}
	b := f.first
	f.first, b.next = b.next, nil
	blocks.Put(b)
}

// all yields what waits, in order. The caller holds mu.
func (f *feed) all(yield func(*arrival) bool) {
	from := f.head
	for b := f.first; b != nil; b = b.next {
		until := len(b.items)
		if b == f.last {
			until = f.tail
		}
		for i := range b.items[from:until] {
			if !yield(&b.items[from+i]) {
				return
			}
		}
		from = 0
	}
}

// end lets nothing more be taken.
func (f *feed) end() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.signal()
}

// close ends the feed and returns what nobody took.
func (f *feed) close() (rest []arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.some() {
		until := len(f.first.items)
		if f.first == f.last {
			until = f.tail
		}
		for _, a := range f.first.items[f.head:until] {
			rest = slices.AppendSeq(rest, a.each)
		}
		clear(f.first.items[:])
		if f.first == f.last {
			break
		}
		f.dropFirst()
	}
	f.first, f.last, f.ended, f.closed = nil, nil, true, true
	f.signal()
	return rest
}

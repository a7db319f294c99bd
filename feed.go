package postrider

import (
	"context"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// arrival is a message on its way to whoever receives it.
type arrival struct {
	props       amqp.RawProperties
	body        []byte
	redelivered bool
	more        bool // others waited behind it when it was taken out of the feed
	from        settler
	tag         uint64    // names it to from
	came        time.Time // into this process; zero unless it expires
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
	mu     sync.Mutex
	items  []arrival
	head   int
	ended  bool          // nothing more is taken out
	closed bool          // nor put in
	wake   chan struct{} // one place
}

func newFeed() *feed { return &feed{wake: make(chan struct{}, 1)} }

// push reports false when the feed is closed.
func (f *feed) push(a arrival) bool {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return false
	}
	if f.head > 0 && len(f.items) == cap(f.items) {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, a)
	f.mu.Unlock()
	return true
}

// ready wakes a receiver if there is something to receive.
func (f *feed) ready() {
	f.mu.Lock()
	some := f.head < len(f.items)
	f.mu.Unlock()
	if some {
		f.signal()
	}
}

func (f *feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// next waits for an arrival that is not stale. It returns false when ctx ends or the feed has ended.
func (f *feed) next(ctx context.Context) (arrival, bool) {
	for ctx.Err() == nil {
		a, ok, ended := f.pop()
		switch {
		case ok && a.from.stale(a.tag):
			a.from.giveBack(a.tag)
			continue
		case ok || ended:
			return a, ok
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
	}
	f.signal() // whom it was meant for may be another
	return arrival{}, false
}

func (f *feed) pop() (a arrival, ok, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		f.signal() // whoever else waits
		return a, false, true
	}
	if f.head == len(f.items) {
		return a, false, false
	}
	a = f.items[f.head]
	f.items[f.head] = arrival{}
	f.head++
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	} else {
		a.more = true
		f.signal() // another worker may take the next one
	}
	return a, true, false
}

// end lets nothing more be taken.
func (f *feed) end() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.signal()
}

// close ends the feed and returns what nobody took.
func (f *feed) close() []arrival {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.items[f.head:]
	f.items, f.head, f.ended, f.closed = nil, 0, true, true
	f.signal()
	return rest
}

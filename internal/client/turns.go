package client

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/internal/link"
)

// turns decide who reads a connection. Reading is a turn that one goroutine has at a time: the
// reader goroutine, or a sender that waits for its own confirm and finds nobody at it.
//
// A sender that reads for itself is woken by the socket. One that leaves it to the reader
// goroutine is woken by that, and each such hand-over wakes a thread: twice the latency of
// a Send on a small machine. So while messages are sent one at a time the reader goroutine
// rests, and looks every few milliseconds whether that is still so. Whoever leaves something
// behind that it does not wait for calls it back.
type turns struct {
	link *link.Link
	read func() error // one burst; an error ends the link

	turn    chan struct{} // one place: full when nobody reads
	lull    *link.Lull    // of the reader goroutine, while it reads; owned by who has the turn
	needed  chan struct{} // one place: the reader goroutine is to read
	resting atomic.Bool   // it rests
	asked   atomic.Uint64 // how often a sender has wanted to read

	seat   link.Seat // of the reader goroutine
	readOn func()    // reads on in its place

	// Owned by the reader goroutine.
	seen  uint64
	timer *time.Timer
}

// restFor is how long the reader goroutine leaves the socket alone: also how late what the
// other side says unasked may be noticed.
const restFor = 5 * time.Millisecond

func newTurns(l *link.Link, read func() error) *turns {
	t := &turns{
		link:   l,
		read:   read,
		turn:   make(chan struct{}, 1),
		needed: make(chan struct{}, 1),
		timer:  time.NewTimer(restFor),
	}
	t.turn <- struct{}{}
	return t
}

// run is the reader goroutine. It ends with the link, or when another has become it, which over says; quiet says whether nothing is waited for.
func (t *turns) run(quiet func() bool) (over bool) {
	for {
		<-t.turn
		t.lull = &t.seat.Lull
		err := t.burst()
		t.lull = nil
		if err != nil { // and the turn is nobody's any more
			t.seat.Leave()
			t.timer.Stop()
			return true
		}
		t.turn <- struct{}{}
		if !t.seat.Lend(t.readOn) {
			return false
		}
		t.rest(quiet)
	}
}

// burst reads once. It ends the link on an error.
func (t *turns) burst() error {
	err := t.read()
	if errors.Is(err, os.ErrDeadlineExceeded) && t.link.Err() == nil { // and it did not end over a write's
		t.link.Resume() // a sender gave up, maybe long ago
		return nil
	}
	if err != nil {
		t.link.Close(readError(err))
	}
	return err
}

// rest returns when the reader goroutine is to read.
func (t *turns) rest(quiet func() bool) {
	defer t.resting.Store(false)
	for {
		n := t.asked.Load()
		if n == t.seen {
			return
		}
		t.seen = n
		t.resting.Store(true) // before looking: see call
		if !quiet() {
			return
		}
		t.timer.Reset(restFor)
		select {
		case <-t.timer.C:
		case <-t.needed:
			return
		case <-t.link.Done():
			return
		}
	}
}

// call ends the reader goroutine's rest. It follows whatever quiet looks at.
func (t *turns) call() {
	if !t.resting.Load() {
		return
	}
	select {
	case t.needed <- struct{}{}:
	default:
	}
}

// readUntil reads in the calling goroutine until done, or ctx or the link ends. If somebody else
// reads it returns at once: then that one decides what the caller waits for.
func (t *turns) readUntil(ctx context.Context, done, quiet func() bool) {
	t.asked.Add(1)
	select {
	case <-t.turn:
	default:
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, t.link.Interrupt)
		defer stop()
	}
	for !done() && ctx.Err() == nil {
		if t.burst() != nil {
			break // the reader goroutine will meet the same error, and end
		}
	}
	t.turn <- struct{}{}
	if !quiet() {
		t.call()
	}
}

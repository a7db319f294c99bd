package client

import "sync/atomic"

// Stage says how far a message had come when its fate was asked for.
type Stage uint32

const (
	Held     Stage = iota // in the log; no byte of it has been given to a socket
	Written               // given to a socket at least once; what the other side did with it is not known
	deciding              // somebody is about to say what became of it
	Decided               // its fate is known and does not change again
)

// Fate is what becomes of one message. Its zero value is a message that is
// still held; it must not be copied once it was handed to a [Publisher].
//
//	Held ──► Written ──► Decided
//	  └──────────────────────┘   the sender gave up before it was written
//
// Any goroutine may look at a Fate; it is decided once, and the first decision stands. That of a post which may go in a pack is not told that it was
// written, but with a failure.
type Fate struct {
	stage    atomic.Uint32
	written  bool // of one that failed: set before the stage is Decided, read only after
	returned bool // the broker found no queue for it; guarded by the Publisher's lock
	waiter   atomic.Pointer[waiter]
	few      atomic.Pointer[few]
}

// few is what few fates have. Those of posts are many, and go from one processor's cache to another's and back.
type few struct {
	err  error       // set before the stage is Decided, read only after
	kept uint64      // the Keeper's ticket, 0 without one; set before Post returns
	tell func(error) // set before the message is published
}

// rare returns what few fates have, to be set.
func (f *Fate) rare() *few {
	if x := f.few.Load(); x != nil {
		return x
	}
	f.few.CompareAndSwap(nil, new(few))
	return f.few.Load()
}

// A waiter wakes those who wait for a fate. One that is reused is a token in a
// buffered channel, for a single waiter; any other is a channel to be closed.
type waiter struct {
	ch     chan struct{}
	reused bool
}

var decidedWaiter = func() *waiter {
	w := &waiter{ch: make(chan struct{})}
	close(w.ch)
	return w
}()

// Done returns a channel that is closed when the fate is decided.
func (f *Fate) Done() <-chan struct{} {
	if w := f.waiter.Load(); w != nil {
		return w.ch
	}
	if f.Decided() {
		return decidedWaiter.ch
	}
	w := &waiter{ch: make(chan struct{})}
	if !f.waiter.CompareAndSwap(nil, w) {
		return f.waiter.Load().ch
	}
	if f.Decided() { // who has decided it may have looked before
		f.wake()
	}
	return w.ch
}

// wake wakes who waits.
func (f *Fate) wake() {
	if w := f.waiter.Swap(decidedWaiter); w != nil && w != decidedWaiter {
		w.wake()
	}
}

// Stage says how far the message has come.
func (f *Fate) Stage() Stage {
	if s := Stage(f.stage.Load()); s != deciding {
		return s
	}
	return Written
}

// Decided reports whether the fate is known.
func (f *Fate) Decided() bool { return Stage(f.stage.Load()) == Decided }

// Kept is the [Keeper]'s ticket for the message; 0 when it is not kept.
func (f *Fate) Kept() uint64 {
	if x := f.few.Load(); x != nil {
		return x.kept
	}
	return 0
}

// Tell has the goroutine that decides the fate call do, which must not block; to be called before the message is published.
func (f *Fate) Tell(do func(error)) { f.rare().tell = do }

// Err is nil for a message the other side took responsibility for, and for one
// whose fate is not decided yet.
func (f *Fate) Err() error {
	if x := f.few.Load(); x != nil && f.Decided() {
		return x.err
	}
	return nil
}

// WasWritten reports, of a decided fate, whether the message had been given to a
// socket before: after an error, whether it may have been delivered all the same.
func (f *Fate) WasWritten() bool { return f.Decided() && (f.written || f.Err() == nil) }

// Confirmed decides the fate: nil when the other side took responsibility for
// the message.
func (f *Fate) Confirmed(err error) { f.decide(err, Written) }

// Abandon decides the fate on behalf of a sender who gives up. A message that
// was not written by then never will be. It returns false if the fate had
// been decided before.
func (f *Fate) Abandon(err error) bool { return f.decide(err, Written) }

// Withdraw is Abandon of a message that was not written. It returns false if it was, or its fate had been decided before.
func (f *Fate) Withdraw(err error) bool { return f.decide(err, Held) }

// decide decides a fate that has not come further than that.
func (f *Fate) decide(err error, furthest Stage) bool {
	var tell func(error)
	if x := f.few.Load(); x != nil {
		tell = x.tell
	}
	next := Decided
	if err != nil {
		next = deciding
	}
	s := Stage(f.stage.Load())
	for s <= furthest && !f.stage.CompareAndSwap(uint32(s), uint32(next)) {
		s = Stage(f.stage.Load())
	}
	if s > furthest {
		return false
	}
	if err != nil {
		f.written, f.rare().err = s == Written, err
		f.stage.Store(uint32(Decided))
	}
	if f.waiter.Load() != nil {
		f.wake() // and from now on whoever waited may use f for another message
	}
	if tell != nil {
		tell(err)
	}
	return true
}

func (w *waiter) wake() {
	if w.reused {
		w.ch <- struct{}{}
		return
	}
	close(w.ch)
}

// HandedOver marks the message as one that the other side has, for who hands it over without a [Publisher].
func (f *Fate) HandedOver() { f.write() }

// write marks the message as given to a socket and reports whether it is still
// to be sent: not if its sender gave up.
func (f *Fate) write() bool {
	if f.stage.CompareAndSwap(uint32(Held), uint32(Written)) {
		return true
	}
	return Stage(f.stage.Load()) == Written
}

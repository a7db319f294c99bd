package link

import "sync/atomic"

// Lull is the time in which a goroutine that reads a connection would only wait for more. Who is given what it has read may use it for what he would wake
// another goroutine for, which on a small machine takes the processor from who waits for an answer. nil is none.
type Lull struct{ use func(readOn func()) }

// Free reports whether there is one, and nobody uses it yet.
func (l *Lull) Free() bool { return l != nil && l.use == nil }

// Use has do called, once and soon, by the goroutine whose lull it is; it must be free. That goroutine has work of its own to go back to. If do may
// take longer, somebody else is to call readOn meanwhile, and does that work from then on: readOn returns when the connection ends, or when yet another has
// relieved the caller. Called too late, or again, it does nothing.
func (l *Lull) Use(do func(readOn func())) { l.use = do }

// Over returns what the lull is used for, nil for nothing, and ends the use.
func (l *Lull) Over() func(readOn func()) {
	do := l.use
	l.use = nil
	return do
}

// Seat is the place of the one goroutine that reads a connection, and may use its lulls for something else. It may not come back from that for long, or
// never, so any other goroutine may take the place meanwhile.
//
//	it reads ──Lend──► it is away ──comes back──► it reads, until it leaves
//	                       └─────another takes the place──► that one reads; this one goes when it comes back
type Seat struct {
	Lull
	turn atomic.Uint64 // odd: who has the place is away
}

// Lend does what the lull is used for, if it is. It returns false if another has taken the place meanwhile. readOn takes the place, if it can, and reads: it is
// for whom the lull is used by, and called by another goroutine when this one ends there.
func (s *Seat) Lend(readOn func()) bool {
	do := s.Over()
	if do == nil {
		return true
	}
	turn := s.turn.Add(1)
	back := false
	defer func() {
		if !back && s.turn.Load() == turn {
			go readOn()
		}
	}()
	do(readOn)
	back = true
	return s.turn.CompareAndSwap(turn, turn+1)
}

// Leave is for who reads no more: another goroutine does what his last lull is used for.
func (s *Seat) Leave() {
	if do := s.Over(); do != nil {
		go do(func() {})
	}
}

// Take takes the place of who is away, if he is.
func (s *Seat) Take() bool {
	turn := s.turn.Load()
	return turn%2 == 1 && s.turn.CompareAndSwap(turn, turn+1)
}

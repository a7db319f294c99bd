package core

// Lull is the time in which a goroutine would only wait for more, once it has ended a burst. A sink may use it, in Wake, for what it would wake
// another goroutine for, which on a small machine takes the processor from who waits for the confirm. nil is none.
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

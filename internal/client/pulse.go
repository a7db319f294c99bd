package client

import "time"

// pulse says again and again that so much time has passed. It does so on a channel of its own, for a timer's is put among all timers, and taken out
// again, each time that somebody waits for it beside something else. It belongs to who waits; nil never says anything.
//
// Go's race detector crashes in a bubble where two channels of timers are due before somebody waits for them: whoever looks at one
// then runs it, in a context that the whole bubble shares. One that is waited for until it is due does no harm, nor do contexts.
type pulse struct {
	due   chan struct{} // one place
	every time.Duration
	timer *time.Timer
}

func newPulse(every time.Duration) *pulse {
	p := &pulse{due: make(chan struct{}, 1), every: every}
	p.timer = time.AfterFunc(every, func() { p.due <- struct{}{} }) // there is room: it is set again when this was taken
	return p
}

// tick has something when it is time; then again is to be called.
func (p *pulse) tick() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.due
}

func (p *pulse) again() { p.timer.Reset(p.every) }

func (p *pulse) stop() {
	if p != nil {
		p.timer.Stop()
	}
}

package socket

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	beatEvery = 10 * time.Millisecond
	enough    = 64 // calls after which there is a beat
)

// beat is a timer that is always set while calls are often.
type beat struct {
	on     atomic.Bool // the timer is set, and the monitor thread has been woken since
	called atomic.Bool // since the last beat
	rare   atomic.Uint32

	mu    sync.Mutex
	timer *time.Timer
	set   bool // the timer is
}

// newBeat makes the timer at once: one that was made in a test's bubble could not be set outside.
func newBeat() *beat {
	b := new(beat)
	b.timer = time.AfterFunc(time.Hour, b.beat)
	b.timer.Stop()
	return b
}

// often reports whether a call may be quick. It notes that there is one.
func (b *beat) often() bool {
	if !b.on.Load() {
		return false
	}
	if !b.called.Load() {
		b.called.Store(true)
	}
	return true
}

// begin is told of each call that is not quick before it is made. The timer is set when there were enough; its caller then says begun.
func (b *beat) begin() (set bool) {
	if b.rare.Add(1)%enough != 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.set {
		return false
	}
	b.set = true
	b.called.Store(true)
	b.timer.Reset(beatEvery)
	return true
}

// begun is told when the call that followed the timer's setting has been made.
func (b *beat) begun() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on.Store(b.set)
}

func (b *beat) beat() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.called.Swap(false) {
		b.timer.Reset(beatEvery)
		return
	}
	b.set = false
	b.on.Store(false)
}

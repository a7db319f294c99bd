package journal

import (
	"sync"
	"time"
)

// Pace says how the disk keeps up with what it is given.
type Pace uint8

const (
	PaceGood  Pace = iota
	PaceSlow       // one write and its sync have been under way for 5 s
	PaceStuck      // for 30 s: publishers should be held back
)

// String returns the pace as people read it.
func (p Pace) String() string {
	return [...]string{"good", "slow", "stuck"}[min(p, PaceStuck)]
}

const (
	slowAfter  = 5 * time.Second
	stuckAfter = 30 * time.Second
)

// stallWatch tells of a disk that does not come back. The writer calls begin and end around what may take long; a timer runs in between.
type stallWatch struct {
	journal *Journal

	mu    sync.Mutex // held while OnPace is called, so that it learns in order
	timer *time.Timer
	began time.Time
	busy  bool
	pace  Pace
}

func (w *stallWatch) begin() {
	if w.journal.cfg.Manual != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy, w.began = true, time.Now()
	if w.timer == nil {
		w.timer = time.AfterFunc(slowAfter, w.fire)
	} else {
		w.timer.Reset(slowAfter)
	}
}

func (w *stallWatch) end() {
	if w.journal.cfg.Manual != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	w.timer.Stop()
	if w.pace != PaceGood {
		w.journal.log.Info("the disk has answered", "dir", w.journal.fs.String(), "took", time.Since(w.began).Round(time.Millisecond))
		w.set(PaceGood)
	}
}

// fire is called by the timer. One that was overtaken by an end, or by the next begin, finds that too little time has passed.
func (w *stallWatch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	took := time.Since(w.began)
	switch {
	case !w.busy || took < slowAfter:
	case took < stuckAfter:
		w.journal.log.Warn("the disk is slow: nothing can be confirmed before it answers", "dir", w.journal.fs.String(), "waited", took.Round(time.Millisecond))
		w.set(PaceSlow)
		w.timer.Reset(stuckAfter - took)
	default:
		w.journal.log.Error("the disk does not answer: publishers are held back until it does", "dir", w.journal.fs.String(), "waited", took.Round(time.Millisecond))
		w.set(PaceStuck)
	}
}

func (w *stallWatch) set(p Pace) {
	if w.pace == PaceGood {
		w.journal.stalls.Add(1)
	}
	w.pace = p
	w.journal.pace.Store(uint32(p))
	if w.journal.cfg.OnPace != nil {
		w.journal.cfg.OnPace(p)
	}
}

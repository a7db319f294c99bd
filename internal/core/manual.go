package core

import (
	"time"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// Manual drives a core by hand: with Config.Manual set, Open starts no
// goroutine and no clock. A simulation decides what the time is, when the timer
// looks at it, and when the journal does what.
type Manual struct {
	Journal journal.Manual
	Now     func() time.Time // as queues know it: it never goes back
	Wall    func() time.Time // as people set it; nil: Now

	core *Core
}

// Tick runs what is due.
func (m *Manual) Tick() { m.core.timer.fire() }

// Page pages out, if memory has become tight since the last time.
func (m *Manual) Page() {
	if m.core.pager.sweeping.Load() {
		m.core.sweep()
	}
}

// Look finds out whether the broker is low on anything.
func (m *Manual) Look() { m.core.alarms.look() }

// Deadline is when something will be due; false if nothing is.
func (m *Manual) Deadline() (queue.Time, bool) {
	t := m.core.timer
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.due) == 0 {
		return 0, false
	}
	return t.due[0].when, true
}

// Stats are the journal's figures. There must be one.
func (m *Manual) Stats() journal.Stats { return m.core.journal.Stats() }

// Recovery is what Open found in the journal. There must be one.
func (m *Manual) Recovery() journal.Recovery { return m.core.journal.Recovery() }

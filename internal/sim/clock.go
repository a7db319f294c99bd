package sim

import "time"

// clock is that on the wall, which people put forward and back. Times that must
// outlive the broker's process are told by it; so a start takes what it was put
// forward for time that has passed. While a process runs it has no say.
type clock struct {
	off   time.Duration // what it shows beside the true time
	leaps time.Duration // how far it was ever put forward
	taken time.Duration // of that, before the present process began
	began time.Time     // when that was
}

func (w *World) wall() time.Time { return w.now.Add(w.clock.off) }

// jump puts the clock forward or back: by about as long as messages live, or by far.
func (w *World) jump() {
	if !w.program.Setup.Jumps {
		return
	}
	by := time.Duration(1+w.rnd.IntN(300)) * time.Millisecond
	if w.rnd.IntN(3) == 0 {
		by = time.Duration(1+w.rnd.IntN(5000)) * time.Hour
	}
	if w.rnd.IntN(2) == 0 {
		by = -by
	}
	w.tracef("the clock is put by %s", by)
	w.clock.off += by
	w.clock.leaps += max(0, by)
}

// wakeClock is the clock when a process begins; it may have been put while there was none.
func (w *World) wakeClock() {
	if w.rnd.IntN(4) == 0 {
		w.jump()
	}
	w.clock.taken, w.clock.began = w.clock.leaps, w.now
}

// due is when the message may be in a queue.
func (m *message) due() time.Time { return m.at.Add(time.Duration(m.delay) * time.Millisecond) }

// age is for how long the broker may take a message to have been due; negative before.
func (w *World) age(m *message) time.Duration {
	return w.now.Sub(m.due()) + max(0, w.clock.taken-m.leaps)
}

// overdue says whether a message that is confirmed cannot but have outlived its time in q. The clock that was put back
// may have given it all of it once more, when the process began.
func (w *World) overdue(m *message, q *queueState) bool {
	life := m.life(q)
	if life == 0 || m.outcome != "confirmed" || m.delay > 0 || len(q.rules) > 1 { // policies find it in the queue, or not
		return false
	}
	since := m.settled
	if w.clock.began.After(since) {
		since = w.clock.began
	}
	return w.now.Sub(since) > life
}

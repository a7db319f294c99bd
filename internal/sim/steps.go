package sim

import (
	"math/rand/v2"
	"time"
)

// apply does one step of the program.
func (w *World) apply(s Step) {
	w.rnd = rand.New(rand.NewPCG(s.Rnd, 2))
	w.moves++
	c := w.clients[s.Client]
	switch s.Kind {
	case Run:
		w.micro(1 << uint(3+w.rnd.IntN(5)))
	case Sleep:
		w.now = w.now.Add(time.Duration(1+w.rnd.IntN(80)) * time.Millisecond)
	case Crash:
		w.crash()
	case CrashAtDisk:
		w.crashIn = 1 + w.rnd.IntN(30)
	case Kill:
		w.kill()
	case Restart:
		w.restart()
	case Fault:
		if w.program.Setup.Faults {
			w.faultIn, w.faultSync = 1+w.rnd.IntN(12), w.rnd.IntN(2) == 0
		}
	case Full:
		w.fillDisk()
	case Policy:
		w.changePolicy()
	case Jump:
		w.jump()
	default:
		c.step(s.Kind)
	}
	if s.Kind != Run {
		w.micro(w.rnd.IntN(12))
	}
	w.aftermath()
}

// aftermath starts the broker again when it died in the course of a step.
func (w *World) aftermath() {
	switch {
	case w.violation != nil:
	case w.dead:
		w.bury()
		w.boot()
	case w.failed: // it confirms nothing any more, and its process exits
		w.micro(20)
		switch {
		case w.violation != nil:
		case w.dead || w.rnd.IntN(3) == 0:
			w.crash()
		default:
			w.kill()
		}
	}
}

// fillDisk leaves little room on the disk, or ends that.
func (w *World) fillDisk() {
	if !w.program.Setup.Faults {
		return
	}
	if w.full {
		w.spaceReturns()
		return
	}
	w.tracef("the disk is nearly full")
	free, _ := w.drive.mem.Free()
	w.drive.mem.SetCapacity(capacity - free + int64(w.rnd.IntN(12<<10)))
	w.full = true
	w.look()
}

package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// carrySlice is how many bytes of records are carried before the reclaimer waits until they are durable, so that it takes
// its turn with everybody else instead of filling the backlog.
const carrySlice = 256 << 10

// reclaimer gives disk space back, from the oldest end only. Otherwise a dropped record could bring back an older one that
// it had cancelled. All but journal is owned by the goroutine of reclaim.
type reclaimer struct {
	journal *Journal
	stage   reclaimStage
	after   LSN       // the next step is for when this is durable
	live    *scanner  // what of the oldest segment is still to be carried
	damaged bool      // some of it could not be read
	slice   time.Time // when the slice began that is being carried
}

type reclaimStage uint8

const (
	choosing  reclaimStage = iota // whether the oldest segment may go
	loading                       // it, to carry what is needed of it
	carrying                      // that
	releasing                     // the oldest segment: nothing in it is needed
)

// reclaim is the reclaimer goroutine. It does nothing before it is woken, for the journal's user may not be ready.
func (j *Journal) reclaim() {
	defer j.running.Done()
	for turn := Idle; ; turn = j.reclaimer.next() {
		switch turn {
		case Stuck:
			if j.Wait(j.stop, j.reclaimer.after) != nil {
				return
			}
			j.rest()
		case Idle:
			select {
			case <-j.wakeReclaimer:
			case <-j.stop.Done():
				return
			}
		}
	}
}

// rest has the reclaimer do nothing for twice as long as a slice took to be carried and made durable. So it works for a third of the
// time at most, and leaves two thirds of the disk's to everybody else even where a slice takes all of it. On a full disk it hurries.
func (j *Journal) rest() {
	r := &j.reclaimer
	if r.slice.IsZero() || j.Full() {
		return
	}
	took := time.Since(r.slice)
	r.slice = time.Time{}
	if took > 0 { // in a bubble no time may have passed
		j.pause(2 * took)
	}
}

// next does one step. It is stuck as long as r.after is not durable.
func (r *reclaimer) next() Turn {
	j := r.journal
	j.reclaiming.Lock()
	defer j.reclaiming.Unlock()
	if j.still.Load() {
		return Idle
	}
	if r.after > j.Durable() {
		return Stuck
	}
	s := (*j.segments.Load())[0]
	switch r.stage {
	case choosing:
		return r.choose(s)
	case loading:
		r.load(s)
	case carrying:
		r.carry(s)
	case releasing:
		r.stage = choosing
		if !j.remove(s) {
			return Idle
		}
	}
	return Worked
}

// choose decides what is to be done with the oldest segment.
func (r *reclaimer) choose(s *segment) Turn {
	switch {
	case !s.filled.Load():
		return Idle
	case s.dead():
		// What replaces its records was appended before they were released, and has to be durable before they go.
		return r.then(releasing)
	case s.carried && s.carriedAt == s.released.Load(): // nothing would come of it
		return Idle
	case r.journal.mostlyDead():
		return r.then(loading) // the end of s may still be on its way to the disk
	}
	return Idle
}

// then makes a stage the next, for when all that was appended so far is durable. A journal that is closing or has failed takes
// nothing any more, so that what replaces a released record may be missing.
func (r *reclaimer) then(stage reclaimStage) Turn {
	j := r.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fill == nil {
		return Idle
	}
	r.stage, r.after = stage, j.last
	return Worked
}

// mostlyDead reports whether more than half of the journal is not needed, and that in segments that can be reclaimed.
func (j *Journal) mostlyDead() bool {
	if j.cfg.Carry == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	list := *j.segments.Load()
	var total, dead int64
	for _, s := range list {
		total += s.used
		if s.filled.Load() {
			dead += s.used - s.liveBytes()
		}
	}
	return len(list) > 2 && dead > total/2
}

// load reads the oldest segment, unless its user knows by heart all that is needed of it.
func (r *reclaimer) load(s *segment) {
	if r.recall(s) {
		return
	}
	r.damaged = false
	data := make([]byte, s.used)
	if err := r.journal.readAt(s, data, s.base); err != nil {
		r.journal.log.Error("the disk cannot read a segment of the journal; trying page by page", "segment", s.name(), "err", err)
		_ = r.journal.readPages(s, data, s.base)
		r.damaged = true
	}
	r.stage, r.live = carrying, newScanner(data, s.base, s.salt, true)
}

// recall has the user append anew what it knows of s, and says whether something came of it that is to be durable first.
func (r *reclaimer) recall(s *segment) bool {
	j := r.journal
	if j.cfg.Recall == nil {
		return false
	}
	r.slice = time.Now()
	if j.cfg.Recall(s.base, s.base+LSN(s.used)) {
		r.after = j.Last()
		return true
	}
	if s.dead() {
		r.stage = choosing
		return true
	}
	return false
}

// carry has a slice of the live records of s appended anew by the journal's user.
func (r *reclaimer) carry(s *segment) {
	r.slice = time.Now()
	for pending := 0; r.live.next() && r.journal.stop.Err() == nil && !r.journal.still.Load(); {
		if r.live.damage != "" {
			r.damage(s)
			continue
		}
		if !r.live.live || r.live.own() {
			continue
		}
		r.journal.cfg.Carry(Record{LSN: r.live.lsn, Kind: r.live.kind, Live: true, Body: r.live.body})
		r.journal.moved.Add(uint64(len(r.live.raw)))
		if pending += len(r.live.raw); pending > carrySlice {
			r.after = r.journal.Last()
			return
		}
	}
	if r.journal.still.Load() {
		return
	}
	if r.live.stopped() < s.base+LSN(s.used) {
		r.damaged = true // its end is gone
	}
	if r.damaged && r.journal.cfg.Rescue != nil {
		r.journal.cfg.Rescue(s.base, s.base+LSN(s.used))
	}
	r.carried(s)
}

// damage reports a stretch that cannot be read.
func (r *reclaimer) damage(s *segment) {
	r.damaged = true
	r.journal.log.Error("a part of the journal is damaged; what is needed of it is written anew as far as it is in memory",
		"segment", s.name(), "offset", s.offset(r.live.lsn), "length", len(r.live.raw), "reason", r.live.damage)
}

// carried ends the carrying of s. It is not done again as long as nothing came of it.
func (r *reclaimer) carried(s *segment) {
	r.stage, r.live = choosing, nil
	s.carried, s.carriedAt = true, s.released.Load()
}

// remove takes the oldest segment out of the journal: its file is deleted, or kept for another. The directory is synced before the
// next one may go, for after a crash the older must not be there without the newer; and before a file that is kept is used.
func (j *Journal) remove(s *segment) bool {
	keep, kept := j.worthKeeping(s), spare{s.base, s.capacity}
	if err := s.close(); err != nil {
		j.log.Warn("a segment of the journal cannot be closed", "segment", s.name(), "err", err)
	}
	if keep && j.fs.Rename(s.name(), kept.name()) != nil {
		keep = false
	}
	if keep {
		// it has gone from its old name
	} else if err := j.fs.Remove(s.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.log.Warn("a segment of the journal that is no longer needed cannot be deleted", "segment", s.name(), "err", err)
		return false
	}
	if err := j.fs.SyncDir("."); err != nil {
		j.fail(fmt.Errorf("sync directory %s: %w", j.fs, err))
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	rest := append([]*segment(nil), (*j.segments.Load())[1:]...)
	j.segments.Store(&rest)
	if keep {
		j.spares.add(kept)
	}
	return true
}

package journal

import (
	"errors"
	"fmt"
	"io/fs"
)

// carrySlice is how many bytes of records are carried before the reclaimer waits until they are durable, so that it takes
// its turn with everybody else instead of filling the backlog.
const carrySlice = 256 << 10

// reclaim is the reclaimer goroutine: it gives disk space back, from the oldest end only. Otherwise a dropped record
// could bring back an older one that it had cancelled.
func (j *Journal) reclaim() {
	defer j.running.Done()
	for {
		select {
		case <-j.wakeReclaimer:
		case <-j.stop.Done():
			return
		}
		for j.reclaimOldest() {
		}
	}
}

// reclaimOldest deletes the oldest segment if it may go, and reports whether it did.
func (j *Journal) reclaimOldest() bool {
	s := (*j.segments.Load())[0]
	if !s.filled.Load() {
		return false
	}
	if !s.dead() && j.mostlyDead() {
		if err := j.carry(s); err != nil {
			j.log.Warn("a segment of the journal cannot be compacted", "segment", s.name(), "err", err)
		}
	}
	if !s.dead() {
		return false
	}
	return j.replaced() && j.remove(s)
}

// replaced waits until what replaces the records that were released so far is durable, and reports whether it is. It was appended
// before they were released; but a journal that is closing or has failed did not take it.
func (j *Journal) replaced() bool {
	j.mu.Lock()
	taken, last := j.fill != nil, j.last
	j.mu.Unlock()
	return taken && j.Wait(j.stop, last) == nil
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

// carry has the live records of s appended anew by the journal's user. It is not done again as long as nothing came of it.
func (j *Journal) carry(s *segment) error {
	released := s.released.Load()
	if s.carried && s.carriedAt == released {
		return nil
	}
	if !j.replaced() { // the end of s may still be on its way to the disk
		return nil
	}
	data := make([]byte, s.used)
	if err := j.readAt(s, data, s.base); err != nil {
		return err
	}
	pending := 0
	for r := newScanner(data, s.base, s.salt, true); r.next() && j.stop.Err() == nil; {
		if r.damage != "" || !r.live || r.own() {
			continue
		}
		j.cfg.Carry(Record{LSN: r.lsn, Kind: r.kind, Live: true, Body: r.body})
		if pending += len(r.raw); pending > carrySlice {
			pending = 0
			if err := j.Wait(j.stop, j.Last()); err != nil {
				return err
			}
		}
	}
	s.carried, s.carriedAt = true, s.released.Load()
	return nil
}

// remove deletes the oldest segment. The directory is synced before the next one may go, for after a crash the older must
// not be there without the newer.
func (j *Journal) remove(s *segment) bool {
	if err := s.close(); err != nil {
		j.log.Warn("a segment of the journal cannot be closed", "segment", s.name(), "err", err)
	}
	if err := j.fs.Remove(s.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
	return true
}

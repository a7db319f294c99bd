package journal

import (
	"sync/atomic"
	"time"
)

// Stats is a snapshot of the journal's figures.
type Stats struct {
	Segments      int
	Bytes         int64  // used on the disk, without what is zeroed ahead
	LiveRecords   int64  // appended as live and not released; once for each holder
	LiveBytes     int64  // an estimate of theirs
	Appended      uint64 // records since Open
	AppendedBytes uint64 // theirs, with headers
	Batches       uint64 // made durable since Open
	Syncs         uint64 // of batches, since Open
	Backlog       int    // bytes appended and not yet durable
	Full          bool   // there is no room on the disk for the next segment, or for the reserve
	Reserve       int64  // bytes on the disk that are kept for when it is full
	Spares        int64  // bytes of files of former segments that are kept for later ones
	Debt          int64  // an estimate of the bytes that are not needed and not yet given back, in segments that are full
	Pace          Pace   // how the disk keeps up
	Stalls        uint64 // how often it did not, since Open
	Quarantined   uint64 // records that could not be read, since Open or by it, and whose bytes were put aside
	CarriedBytes  uint64 // of records that were appended anew to give back the segment in which they lay, since Open
	Syncing       Durations
}

// Stats returns the journal's figures.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := Stats{
		Appended: j.records, AppendedBytes: j.bytes, Batches: j.batches.Load(), Syncs: j.syncs.Load(),
		Backlog: j.Backlog(), Full: j.Full(), Pace: Pace(j.pace.Load()), Reserve: j.reserve.Load(),
		Stalls: j.stalls.Load(), Quarantined: j.aside.Load() + uint64(len(j.recovery.Damaged)), CarriedBytes: j.moved.Load(), Syncing: j.syncing.read(),
	}
	_, st.Spares = j.spares.held()
	for _, s := range *j.segments.Load() {
		st.Segments++
		st.Bytes += s.used
		st.LiveRecords += s.live()
		st.LiveBytes += s.liveBytes()
		if s.filled.Load() {
			st.Debt += s.used - s.liveBytes()
		}
	}
	return st
}

// LiveRatio returns what part of Bytes is needed, from 0 to 1.
func (s Stats) LiveRatio() float64 {
	if s.Bytes == 0 {
		return 1
	}
	return min(1, float64(s.LiveBytes)/float64(s.Bytes))
}

// Durations says how long something took, each time that it happened: how often it was within each of DurationBounds.
type Durations struct {
	Within [len(DurationBounds)]uint64 // not cumulative
	Beyond uint64                      // longer than the last bound
	Sum    time.Duration
}

// DurationBounds are from a sync of a disk that has a battery to one that has failed.
var DurationBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
}

// durations counts what Durations shows. Any goroutine may read it.
type durations struct {
	counts [len(DurationBounds) + 1]atomic.Uint64
	sum    atomic.Int64
}

func (d *durations) observe(took time.Duration) {
	i := 0
	for i < len(DurationBounds) && took > DurationBounds[i] {
		i++
	}
	d.counts[i].Add(1)
	d.sum.Add(int64(took))
}

func (d *durations) read() (all Durations) {
	for i := range all.Within {
		all.Within[i] = d.counts[i].Load()
	}
	all.Beyond, all.Sum = d.counts[len(DurationBounds)].Load(), time.Duration(d.sum.Load())
	return all
}

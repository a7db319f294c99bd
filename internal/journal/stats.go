package journal

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
	Debt          int64  // an estimate of the bytes that are not needed and not yet given back, in segments that are full
	Pace          Pace   // how the disk keeps up
}

// Stats returns the journal's figures.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := Stats{
		Appended: j.records, AppendedBytes: j.bytes, Batches: j.batches.Load(), Syncs: j.syncs.Load(),
		Backlog: j.Backlog(), Full: j.stalled.Load(), Pace: Pace(j.pace.Load()), Reserve: j.reserve.Load(),
	}
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

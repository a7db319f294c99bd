package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// reserveName is a file of zeros that only takes up room: the next segment is made of it when the disk has no other. Without it
// a disk that the journal has filled could not be emptied, for what says that a message is settled needs room too.
const reserveName = "reserve"

// makeReserve makes the reserve, unless it is there: as large as a segment can be, or a quarter of what the disk has left. It runs with
// j.making held.
func (j *Journal) makeReserve() error {
	if j.reserve.Load() > 0 {
		return nil
	}
	free, err := j.fs.Free()
	if err != nil {
		return fmt.Errorf("ask how much room there is in %s: %w", j.fs, err)
	}
	size := segmentHeaderSize + max(j.firstCapacity(), min(j.cfg.SegmentSize, free/4&^7))
	file, err := j.fs.Create(reserveName)
	if err == nil {
		_, err = takeRoom(file, 0, size)
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		_ = j.fs.Remove(reserveName)
		return fmt.Errorf("make the reserve in %s: %w", j.fs, err)
	}
	j.reserve.Store(size)
	return nil
}

// findReserve looks whether an earlier run has left a reserve. One that is not whole is worth nothing.
func (j *Journal) findReserve() error {
	file, err := j.fs.Open(reserveName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the reserve of %s: %w", j.fs, err)
	}
	size, err := file.Size()
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("find the size of the reserve of %s: %w", j.fs, err)
	}
	if size < segmentHeaderSize+j.firstCapacity() {
		return j.giveUpReserve()
	}
	j.reserve.Store(size)
	return nil
}

// giveUpReserve gives the reserve's room to whatever needs it.
func (j *Journal) giveUpReserve() error {
	j.reserve.Store(0)
	if err := j.fs.Remove(reserveName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the reserve of %s: %w", j.fs, err)
	}
	return nil
}

// makeFirst makes the segment in which a start goes on, if need be in less room than it would like.
func (r *recovery) makeFirst(base LSN) (*segment, error) {
	for capacity := r.j.firstCapacity(); ; capacity = capacity / 2 &^ 7 {
		s := &segment{base: base, capacity: capacity}
		err := r.retry(func() error { return r.j.makeSegment(s) })
		if noRoom(err) && r.fs.Remove(segmentName(base)) == nil { // one without records, which s was to replace
			err = r.j.makeSegment(s)
		}
		if !noRoom(err) || capacity/2 < r.j.leastCapacity() {
			return s, err
		}
	}
}

// retry does what needs room on the disk, and again with less and less else there.
func (r *recovery) retry(do func() error) error {
	err := do()
	for _, giveUp := range []func() bool{r.giveUpSpares, r.giveUpEmpty, r.giveUpEnds, r.giveUpReserve} {
		if !noRoom(err) {
			return err
		}
		if giveUp() {
			err = do()
		}
	}
	return err
}

// giveUpEmpty removes the segments behind the journal's end.
func (r *recovery) giveUpEmpty() bool {
	n := len(r.segments)
	r.segments = slices.DeleteFunc(r.segments, func(s *found) bool {
		return s.base >= r.end && errors.Join(s.close(), r.fs.Remove(s.name())) == nil
	})
	return len(r.segments) < n
}

// giveUpEnds cuts off what lies behind the last record of each segment.
func (r *recovery) giveUpEnds() bool {
	some := false
	for _, s := range r.segments {
		if s.file == nil {
			continue
		}
		if to := s.offset(s.limit); to < s.size && s.file.Truncate(to) == nil {
			s.size, some = to, true
		}
	}
	return some
}

func (r *recovery) giveUpReserve() bool {
	return r.j.reserve.Load() > 0 && r.j.giveUpReserve() == nil
}

// makeOfReserve makes the file of a segment in the reserve's room. The reserve is used up by it.
func (j *Journal) makeOfReserve(s *segment) error {
	j.log.Warn("the disk is full: the journal goes on in its reserve", "dir", j.fs.String(), "bytes", j.reserve.Load())
	if err := j.giveUpReserve(); err != nil {
		return err
	}
	return j.makeSegment(s)
}

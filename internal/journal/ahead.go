package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// retryFull is how long it takes until a full disk is asked for room again.
const retryFull = 500 * time.Millisecond

// prepare is the preparer goroutine: it makes the next segment, off the writer's path, when a quarter of the present one is used.
func (j *Journal) prepare() {
	defer j.running.Done()
	var retry <-chan time.Time
	for {
		select {
		case <-j.wakePreparer:
		case <-retry:
		case <-j.stop.Done():
			return
		}
		retry = nil
		if j.prepareNext() == Stuck {
			retry = time.After(retryFull)
		}
	}
}

// prepareNext makes the reserve and the next segment. The disk counts as full until it has room for both.
func (j *Journal) prepareNext() Turn {
	if err := j.makeAhead(); err != nil {
		j.cannotMake(err)
		return Stuck
	}
	j.setFull(nil)
	return Worked
}

// cannotMake reports that there is no file for a segment. A directory that could not be synced is the end.
func (j *Journal) cannotMake(err error) {
	switch {
	case errors.As(err, new(dirSyncError)):
		j.fail(err)
	case mayPass(err):
		j.setFull(err)
	default:
		j.log.Warn("the next segment of the journal cannot be made yet", "err", err)
	}
}

// noRoom reports whether no segment could be made because the disk is full, which may pass.
func noRoom(err error) bool {
	return errors.Is(err, disk.ErrNoSpace) && !errors.As(err, new(dirSyncError))
}

// mayPass reports whether a segment that could not be made may be made later: the disk is full, or no file can be opened.
func mayPass(err error) bool { return noRoom(err) || errors.Is(err, disk.ErrNoFiles) }

// scarcity is what there is too little of for another segment.
type scarcity uint32

const (
	scarceNothing scarcity = iota
	scarceRoom             // on the disk
	scarceFiles            // that the process may open
)

func (j *Journal) lacks() scarcity { return scarcity(j.stalled.Load()) }

// setFull notes why no other segment can be made; nil: one can.
func (j *Journal) setFull(why error) {
	now := scarceRoom
	switch {
	case why == nil:
		now = scarceNothing
	case errors.Is(why, disk.ErrNoFiles):
		now = scarceFiles
	}
	if scarcity(j.stalled.Swap(uint32(now))) == now {
		return
	}
	switch now {
	case scarceFiles:
		j.log.Error("the journal cannot open a file: close connections, or raise the limit, before the last segment is used up", "dir", j.fs.String(), "err", why)
	case scarceRoom:
		j.log.Error("the disk is full: free space, or consume messages, before the last segment is used up", "dir", j.fs.String(), "err", why)
	default:
		j.log.Info("the journal has room again", "dir", j.fs.String())
	}
	if j.cfg.OnFull != nil {
		j.cfg.OnFull(why)
	}
}

// errFilesForOthers is why no segment is made though one could be.
var errFilesForOthers = fmt.Errorf("what may still be opened is for clients, who empty the queues, and for who looks after the broker: %w", disk.ErrNoFiles)

func (j *Journal) mayGrow(ahead bool) bool { return j.cfg.MayGrow == nil || j.cfg.MayGrow(ahead) }

func (j *Journal) makeAhead() error {
	j.making.Lock()
	defer j.making.Unlock()
	err := j.makeReserve()
	if noRoom(err) && j.GiveUpSpares() {
		err = j.makeReserve()
	}
	if err != nil {
		return err
	}
	if j.ahead.Load() != nil {
		return nil
	}
	if !j.mayGrow(true) {
		return errFilesForOthers
	}
	s := &segment{base: j.entered.end(), capacity: j.nextCapacity(j.entered.capacity)}
	if f, ok := j.spares.last(); ok {
		s.capacity = f.capacity
	}
	if err := j.makeSegment(s); err != nil {
		return err
	}
	j.ahead.Store(s)
	return nil
}

// makeSegment makes the file of s, of one that is kept spare if it can.
func (j *Journal) makeSegment(s *segment) error {
	h := segmentHeader{id: j.id, salt: j.salt(s.base), base: s.base, capacity: s.capacity}
	file, err := j.reuse(h)
	fresh := s.size()
	if file == nil && err == nil {
		file, fresh, err = makeFile(j.fs, h, nil, s.size())
	}
	if noRoom(err) && j.GiveUpSpares() {
		file, fresh, err = makeFile(j.fs, h, nil, s.size())
	}
	s.salt, s.file, s.fresh = h.salt, file, fresh
	return err
}

// enter has a file ready for a segment that the writer is about to write to: the one made ahead of time, or a new one. Only
// the writer calls it.
func (j *Journal) enter(s *segment) error {
	if j.current == s {
		return nil
	}
	if err := j.tryEnter(s); err != nil {
		return err
	}
	j.current = s
	return nil
}

func (j *Journal) tryEnter(s *segment) error {
	j.making.Lock()
	defer j.making.Unlock()
	made := j.ahead.Swap(nil)
	if made != nil && made.capacity != s.capacity { // s has to hold a large record
		if err := made.close(); err != nil {
			return err
		}
		_ = j.fs.Remove(made.name()) // its room may be needed; what takes its place has the same name
		made = nil
	}
	if made == nil {
		if !j.mayGrow(false) {
			return errFilesForOthers
		}
		made = &segment{base: s.base, capacity: s.capacity}
		err := j.makeSegment(made)
		if noRoom(err) && j.reserve.Load() > 0 {
			j.setFull(err)
			j.poke(j.wakePreparer) // which finds when there is room again
			err = j.makeOfReserve(made)
		}
		if err != nil {
			return err
		}
	}
	s.fresh = made.fresh
	s.mu.Lock()
	s.file = made.file
	s.mu.Unlock()
	j.entered = s
	return nil
}

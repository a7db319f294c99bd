package journal

import (
	"fmt"
	"time"
)

// write is the writer goroutine: the only one that writes records, but for a Lead while it rests. It takes what there is, writes and
// syncs it, announces it, and takes what arrived meanwhile. What is waited for waits for no timer, unless the disk is full or syncs are spaced.
func (j *Journal) write() {
	defer j.running.Done()
	for {
		switch j.writeNext() {
		case Idle:
			j.awaitWork()
		case Stuck:
			j.pause(retryFull)
		case Over:
			return
		}
	}
}

// writeNext writes, syncs and announces the next batch.
func (j *Journal) writeNext() Turn {
	b, t := j.take()
	if t != Worked {
		return t
	}
	j.stall.begin()
	err := j.perform(b)
	j.stall.end()
	switch {
	case err == nil:
		return Worked
	case b != nil && j.current != b.seg && mayPass(err) && !j.isClosing(): // its segment has no file yet; take returns it again
		j.setFull(err)
		j.poke(j.wakePreparer) // he may have found room just before, and finds when there is some again
		return Stuck
	default:
		j.fail(err)
		return Over
	}
}

// isClosing says that nobody waits for room any more.
func (j *Journal) isClosing() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.closing
}

// take returns the batch to write, or nil when a sync is due.
func (j *Journal) take() (*batch, Turn) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.err != nil:
		return nil, Over
	case j.writing != nil: // there was no room for it
	case len(j.full) > 0:
		j.writing = j.full[0]
		j.full = j.full[:copy(j.full, j.full[1:])]
	case j.fillDue():
		j.writing = j.closeBatch(0)
		j.begin(j.writing.seg)
	case j.closing:
		j.writing = j.closeBatch(commitCloses)
	case j.syncDue:
		j.syncDue = false
		return nil, Worked
	default:
		return nil, Idle
	}
	return j.writing, Worked
}

// awaitWork returns when take has something to return.
func (j *Journal) awaitWork() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.leading || !j.hasWork() {
		j.idle = !j.leading
		j.wake.Wait()
	}
}

// hasWork says whether take has something to return. It runs with j.mu held.
func (j *Journal) hasWork() bool {
	return j.err != nil || j.writing != nil || len(j.full) > 0 || j.fillDue() || j.closing || j.syncDue
}

// wakeWriter has the writer look for work. It runs with j.mu held.
func (j *Journal) wakeWriter() {
	if j.idle && j.hasWork() {
		j.idle = false
		j.wake.Signal()
	}
}

// pause waits, but not beyond the journal's end.
func (j *Journal) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-j.stop.Done():
	}
}

func (j *Journal) perform(b *batch) error {
	if b == nil {
		return j.sync(j.current)
	}
	if b.flags&commitCloses != 0 {
		return j.finish(b)
	}
	synced := j.mustSync(b)
	if err := j.put(b, synced); err != nil {
		return err
	}
	if synced {
		if err := j.sync(b.seg); err != nil {
			return err
		}
	}
	j.settle(b)
	return nil
}

// put writes a batch, ended by its commit record. It is going to be synced at once or not.
func (j *Journal) put(b *batch, synced bool) error {
	if err := j.enter(b.seg); err != nil {
		return err
	}
	c := commit{durableUpTo: j.synced, start: b.start, records: b.records, flags: b.flags}
	c.put(b.buf[len(b.buf)-commitSize:], b.commitLSN(), b.seg.salt)
	if err := j.writeBlocks(b, synced); err != nil {
		return fmt.Errorf("write %d bytes to segment %s of %s at offset %d: %w", len(b.buf), b.seg.name(), j.fs, b.seg.offset(b.start), err)
	}
	j.answered()
	j.written = b.end()
	if j.written > b.seg.base+LSN(b.seg.capacity/4) && j.prepared != b.seg {
		j.prepared = b.seg
		j.poke(j.wakePreparer)
	}
	return nil
}

// mustSync reports whether the batch has to be synced before it is announced. Seals are synced in every mode, so that
// what may be lost lies in one segment.
func (j *Journal) mustSync(b *batch) bool {
	if j.cfg.Sync == SyncAlways || b.flags&commitSeals != 0 {
		return true
	}
	if j.cfg.Sync == SyncNone {
		return false
	}
	if time.Since(j.lastSync) >= j.cfg.SyncPeriod {
		return true
	}
	if j.timer == nil {
		j.timer = time.AfterFunc(j.cfg.SyncPeriod, j.remindOfSync)
	}
	return false
}

// remindOfSync has the writer sync what it wrote last, when nothing followed that.
func (j *Journal) remindOfSync() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.syncDue = true
	j.wakeWriter()
}

// sync makes everything written so far safe: all of it lies in s, or was synced with an earlier seal.
func (j *Journal) sync(s *segment) error {
	if j.timer != nil {
		j.timer.Stop()
		j.timer = nil
	}
	began := time.Now()
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("sync segment %s of %s: %w", s.name(), j.fs, err)
	}
	j.answered()
	j.syncs.Add(1)
	j.synced = j.written
	j.syncBegan, j.lastSync = began, time.Now()
	j.syncing.observe(j.lastSync.Sub(began))
	return nil
}

// settle announces that a batch is durable.
func (j *Journal) settle(b *batch) {
	upTo := b.commitLSN()
	n := len(b.buf)
	j.batches.Add(1)
	j.mu.Lock()
	j.durable.Store(uint64(upTo))
	j.backlog.Add(-int64(n))
	j.writing = nil
	j.announce()
	j.recycle(b)
	if j.cfg.Sync == SyncAlways && j.cfg.Manual == nil {
		j.space(j.syncBegan, j.lastSync)
	}
	j.mu.Unlock()
	if j.cfg.OnDurable != nil {
		j.cfg.OnDurable(upTo)
	}
}

// finish writes the last batch of all, which is empty: its commit record says that everything before it is durable.
func (j *Journal) finish(b *batch) error {
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.err == nil {
			j.halt(ErrClosed)
		}
	}()
	if j.current != b.seg { // nothing was written to it, and nothing needs to be
		return nil
	}
	if j.synced < b.start { // a relaxed mode
		if err := j.sync(b.seg); err != nil {
			return err
		}
	}
	if err := j.put(b, true); err != nil {
		return err
	}
	if err := j.sync(b.seg); err != nil {
		return err
	}
	j.mu.Lock()
	j.finished = b.end()
	j.mu.Unlock()
	return nil
}

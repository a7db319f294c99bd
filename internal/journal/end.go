package journal

import (
	"context"
	"fmt"
	"time"
)

// A Close has the disk make everything safe, and a disk may never answer. So who closes waits as long as the disk answers at all: it is given up when it
// has not for 30 s, or a second after the caller's context has ended. The closing goes on behind him, for a disk may come to itself;
// until then its writes may still be under way, so the directory is given back to nobody.

// lateBy is how long the disk has beyond the context of who closes.
const lateBy = time.Second

// StuckError is why a Close gave up. It is an ErrClosed.
type StuckError struct {
	Dir     string
	Records uint64 // appended, and not known to be durable
	Bytes   int    // of them
	Failed  error  // why the journal had stopped by then; nil: it had not
}

func (e *StuckError) Error() string {
	what := "all that was written is safe"
	switch {
	case e.Failed != nil:
		what = "before that it has failed: " + e.Failed.Error()
	case e.Records == 1:
		what = "1 record is not known to be safe"
	case e.Records > 1:
		what = fmt.Sprintf("%d records, %d bytes, are not known to be safe", e.Records, e.Bytes)
	}
	return fmt.Sprintf("%s could not be closed, for its disk does not answer: %s. It stays in use until the disk answers or the process ends", e.Dir, what)
}

// Is reports whether the target is ErrClosed.
func (e *StuckError) Is(target error) bool { return target == ErrClosed }

// parting is who gave up on the end of a journal, and when. Guarded by Journal.mu.
type parting struct {
	why     *StuckError   // nil: nobody did
	answers uint64        // of the disk, by then
	silent  time.Duration // how long it had not answered
}

// answered counts an answer of the disk.
func (j *Journal) answered() { j.answers.Add(1) }

// CloseBy is Close that gives up on a disk that does not answer: see AwaitEnd.
func (j *Journal) CloseBy(ctx context.Context) (err error) {
	done := make(chan struct{})
	go func() {
		err = j.Close()
		close(done)
	}()
	if stuck := j.AwaitEnd(ctx, done); stuck != nil {
		return stuck
	}
	return err
}

// AwaitEnd waits for what closes the journal: until it is done, which is nil. It is a *StuckError when the disk has not answered for 30 s, or
// a second has passed since ctx ended; who waits for a record learns the same then.
func (j *Journal) AwaitEnd(ctx context.Context, done <-chan struct{}) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	heard, silent := j.lastHeard()
	over, late := ctx.Done(), (<-chan time.Time)(nil)
	for silent < stuckAfter {
		select {
		case <-done:
			return nil
		case <-over:
			over, late = nil, time.After(lateBy)
		case <-late:
			return j.part(done, silent)
		case <-look.C: // looks are counted, and not the time: a process that is stopped has none
			silent += time.Second
			if now := j.answers.Load(); now != heard {
				heard, silent = now, 0
			}
		}
	}
	return j.part(done, silent)
}

// lastHeard returns how often the disk has answered, and for how long somebody has waited in vain since.
func (j *Journal) lastHeard() (answers uint64, silent time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	answers = j.answers.Load()
	if p := j.parted; p.answers == answers {
		silent = p.silent
	}
	return answers, silent
}

// part gives up on the end, unless it is done by now.
func (j *Journal) part(done <-chan struct{}, silent time.Duration) error {
	select {
	case <-done:
		return nil
	default:
	}
	j.mu.Lock()
	why := &StuckError{Dir: j.fs.String(), Records: j.unsafe(), Bytes: j.Backlog()}
	if j.err != ErrClosed {
		why.Failed = j.err
	}
	first := j.parted.why == nil
	j.parted = parting{why, j.answers.Load(), silent}
	j.announce()
	j.mu.Unlock()
	if first {
		j.log.Error("the end of a journal is waited for no longer, for its disk does not answer", "dir", why.Dir, "records not known to be safe", why.Records, "bytes", why.Bytes)
	}
	return why
}

// unsafe is how many records were appended and are not known to be durable. It runs with j.mu held.
func (j *Journal) unsafe() (records uint64) {
	for _, b := range append(j.full[:len(j.full):len(j.full)], j.writing, j.fill) {
		if b != nil {
			records += uint64(b.records)
		}
	}
	return records
}

package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/postrider-mq/postrider/internal/disk"
)

// A Checkpoint is what the journal's user has folded out of all records, so that the next Open need not read them. One without
// a body is written where there is nothing of that kind: the next Open reads all, and tells what has gone since the Close.
//
// It is written at a proper Close, behind everything else, and removed by the next Open before that appends or changes
// anything. So it is never out of date. It is believed only where it names this very journal, with these very segments and this very
// end; and it is written only if it names each live record as often as the record is held. In every other case Open reads all.
//
// One goroutine may use it at a time.
type Checkpoint struct {
	Body []byte // what Config.Restore gets

	j    *Journal
	last LSN // of the last record when the checkpoint was begun
	held map[*segment]*holding

	// Of the segment of the last Hold.
	from, to LSN
	n        *holding
}

// holding is how often the live records of a segment are held, and how often of that beyond the next start.
type holding struct{ now, lasting uint64 }

const (
	checkpointName    = "checkpoint"
	checkpointMagic   = "\x89PRC\r\n\x1a\n"
	checkpointVersion = 1
	checkpointHead    = 64
	checkpointEntry   = 48 // for each segment

	// mostCheckpoint bounds what is read into memory at once.
	mostCheckpoint = math.MaxInt32
)

// NewCheckpoint begins a checkpoint. From now on nothing is carried or deleted any more; the journal should be closed soon.
// All that the checkpoint is made of has to be looked at after this call. If anything is appended after it, the checkpoint comes to nothing.
func (j *Journal) NewCheckpoint() *Checkpoint {
	j.still.Store(true)
	j.reclaiming.Lock() // until the step is over that may be under way
	defer j.reclaiming.Unlock()
	return &Checkpoint{j: j, last: j.Last(), held: map[*segment]*holding{}}
}

// Hold counts one holder of the live record at lsn: one that would have to be released. A lasting one will have to be after the
// next start, too: it is one of those that Config.Holders would count.
func (c *Checkpoint) Hold(lsn LSN, lasting bool) {
	if lsn < c.from || lsn >= c.to {
		c.enter(lsn)
	}
	c.n.now++
	if lasting {
		c.n.lasting++
	}
}

// enter turns to the segment of lsn. What lies in none is counted too, and found to be too much.
func (c *Checkpoint) enter(lsn LSN) {
	s := c.j.segment(lsn)
	c.from, c.to = lsn, lsn+1
	if s != nil {
		c.from, c.to = s.base, s.base+LSN(c.j.extent(s))
	}
	c.j.answered()
	if c.n = c.held[s]; c.n == nil {
		c.n = new(holding)
		c.held[s] = c.n
	}
}

// Ready says that the user has taken up what it gave to a checkpoint: from now on it can be asked to carry records.
func (j *Journal) Ready() {
	if j.recovery.Resumed { // otherwise the releases after a replay have woken the reclaimer
		j.poke(j.wakeReclaimer)
	}
}

// CloseWith is Close, and leaves c for the next Open, if it can: when it cannot, the next Open takes longer. c may be nil.
func (j *Journal) CloseWith(c *Checkpoint) error {
	j.closeOnce.Do(func() { j.closeErr = j.close(c) })
	return j.closeErr
}

// writeCheckpoint leaves on the disk how the journal was closed, from which the next Open tells what has gone since, and in c what that need not
// read. Where c does not hold, or is nil, the next Open reads all. The journal has been closed properly, and its files are still open.
func (j *Journal) writeCheckpoint(c *Checkpoint) {
	if c != nil {
		if why := c.lacks(); why != "" {
			j.log.Info("the next start reads the whole journal", "dir", j.fs.String(), "reason", why)
			c = nil
		}
	}
	if j.finished == 0 { // the last batch had no place
		return
	}
	if c == nil {
		c = &Checkpoint{j: j}
	}
	if err := putCheckpoint(j.fs, c.head(), c.Body, j.answered); err != nil {
		_ = j.fs.Remove(checkpointName + tmpExt)
		_ = j.fs.Remove(checkpointName)
		j.log.Warn("no checkpoint could be written: the next start reads the whole journal, and cannot tell whether some of it has gone", "dir", j.fs.String(), "err", err)
	}
}

// lacks says why the checkpoint does not hold.
func (c *Checkpoint) lacks() (why string) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.finished == 0:
		return "the last batch had no place"
	case j.last != c.last:
		return "something was appended meanwhile"
	case len(j.recovery.Damaged) > 0:
		return "some of the journal is damaged"
	case len(c.Body) > mostCheckpoint/2:
		return "the checkpoint would be too large"
	}
	list := *j.segments.Load()
	for _, s := range list {
		if now := c.holding(s).now; s.kept != s.released.Load()+now {
			return fmt.Sprintf("segment %s is held %d times, not %d", s.name(), s.kept-s.released.Load(), now)
		}
	}
	for s := range c.held {
		if !slices.Contains(list, s) {
			return "something is held that is not there"
		}
	}
	return ""
}

func (c *Checkpoint) holding(s *segment) holding {
	if n := c.held[s]; n != nil {
		return *n
	}
	return holding{}
}

// head returns what precedes the body.
func (c *Checkpoint) head() []byte {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	list := *j.segments.Load()
	b := make([]byte, checkpointHead, checkpointHead+len(list)*checkpointEntry)
	copy(b, checkpointMagic)
	le.PutUint32(b[8:], checkpointVersion)
	le.PutUint32(b[12:], uint32(len(list)))
	copy(b[16:], j.id[:])
	le.PutUint64(b[32:], uint64(j.finished))
	le.PutUint64(b[40:], uint64(len(c.Body)))
	for _, s := range list {
		lasting := c.holding(s).lasting
		b = le.AppendUint64(b, uint64(s.base))
		b = le.AppendUint64(b, uint64(s.capacity))
		b = le.AppendUint64(b, s.salt)
		b = le.AppendUint64(b, uint64(min(s.used, j.extent(s))))
		b = le.AppendUint64(b, lasting)
		b = le.AppendUint64(b, uint64(s.share(lasting)))
	}
	return b
}

// putCheckpoint writes the file under a temporary name first, so that under its own it is whole or not there. It tells of each answer of the disk.
func putCheckpoint(dir disk.FS, head, body []byte, answered func()) error {
	file, err := dir.Create(checkpointName + tmpExt)
	if err != nil {
		return err
	}
	end := le.AppendUint32(nil, crc32.Update(checksum(head), castagnoli, body))
	at := int64(0)
	for _, part := range [][]byte{head, body, end} {
		for piece := range slices.Chunk(part, maxBatch) {
			if err == nil {
				_, err = file.WriteAt(piece, at)
				answered()
			}
			at += int64(len(piece))
		}
	}
	if err == nil {
		err = file.Sync()
		answered()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := dir.Rename(checkpointName+tmpExt, checkpointName); err != nil {
		return err
	}
	return dir.SyncDir(".")
}

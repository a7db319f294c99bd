package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/postrider-mq/postrider/internal/disk"
)

// resume takes up where a proper Close left the journal, without reading the segments, if there is a checkpoint that holds.
// ok is false where all has to be read.
func (r *recovery) resume() (ok bool, err error) {
	b, err := r.takeCheckpoint()
	if err != nil || b == nil {
		return false, err
	}
	var why string
	if r.closed, why = r.closing(b); why == "" && (r.j.cfg.Restore == nil || len(r.closed.body) == 0) {
		return false, nil // it only tells what has gone since
	}
	if why == "" {
		why = r.believe(b)
	}
	if why == "" && r.j.cfg.Restore(r.closed.body) != nil {
		why = "its user cannot read it"
	}
	if why != "" {
		r.j.log.Warn("the checkpoint does not hold; reading the whole journal", "dir", r.fs.String(), "reason", why)
		return false, nil
	}
	for i, s := range r.segments {
		e := b[checkpointHead+i*checkpointEntry:]
		s.used, s.kept, s.keptBytes = int64(le.Uint64(e[24:])), le.Uint64(e[32:]), int64(le.Uint64(e[40:]))
	}
	r.end, r.safe = r.closed.end, r.closed.end-commitSize
	r.report.Clean, r.report.Resumed, r.report.Bytes = true, true, int64(len(b))
	return true, nil
}

// takeCheckpoint reads the checkpoint and removes it, before anything else in the directory changes. It returns nil where none can be read.
func (r *recovery) takeCheckpoint() ([]byte, error) {
	b, found := r.readCheckpoint()
	if err := r.fs.Remove(checkpointName + tmpExt); err == nil {
		found = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove %s from %s: %w", checkpointName+tmpExt, r.fs, err)
	}
	if !found {
		return nil, nil
	}
	if err := dropCheckpoint(r.fs); err != nil {
		return nil, err
	}
	return b, nil
}

// dropCheckpoint removes the checkpoint, if there is one, for good.
func dropCheckpoint(dir disk.FS) error {
	if err := dir.Remove(checkpointName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s from %s: %w", checkpointName, dir, err)
	}
	if err := dir.SyncDir("."); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// readCheckpoint also says whether there is such a file.
func (r *recovery) readCheckpoint() (b []byte, found bool) {
	file, err := r.fs.Open(checkpointName)
	if err != nil {
		return nil, !errors.Is(err, fs.ErrNotExist)
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil || size < checkpointHead+4 || size > mostCheckpoint {
		return nil, true
	}
	b = make([]byte, size)
	if n, err := file.ReadAt(b, 0); n < len(b) {
		r.j.log.Warn("the checkpoint cannot be read", "dir", r.fs.String(), "err", err)
		return nil, true
	}
	return b, true
}

// closing is what a checkpoint says of the journal as it was closed.
type closing struct {
	end   LSN
	bases []LSN // of the segments that there were
	body  []byte
}

// closing reads it, or says why it is nothing to go by.
func (r *recovery) closing(b []byte) (c *closing, why string) {
	body := len(b) - 4
	n := int(le.Uint32(b[12:]))
	switch {
	case string(b[:8]) != checkpointMagic || le.Uint32(b[body:]) != checksum(b[:body]):
		return nil, "it is damaged"
	case le.Uint32(b[8:]) != checkpointVersion:
		return nil, "it is of another version"
	case len(r.segments) > 0 && string(b[16:32]) != string(r.j.id[:]):
		return nil, "it belongs to another journal"
	case uint64(body) != uint64(checkpointHead+n*checkpointEntry)+le.Uint64(b[40:]):
		return nil, "its parts have other lengths than it says"
	}
	c = &closing{end: LSN(le.Uint64(b[32:])), body: b[checkpointHead+n*checkpointEntry : body]}
	for i := range n {
		c.bases = append(c.bases, LSN(le.Uint64(b[checkpointHead+i*checkpointEntry:])))
	}
	return c, ""
}

// believe says why a checkpoint does not hold for the segments that there are.
func (r *recovery) believe(b []byte) (why string) {
	if len(r.closed.bases) != len(r.segments) {
		return "the segments are others"
	}
	end := r.closed.end
	for i, s := range r.segments {
		e := b[checkpointHead+i*checkpointEntry:]
		used := int64(le.Uint64(e[24:]))
		if s.badHeader != nil || s.base != LSN(le.Uint64(e)) || s.capacity != int64(le.Uint64(e[8:])) || s.salt != le.Uint64(e[16:]) {
			return "the segments are others"
		}
		if used < 0 || used > s.capacity || s.size < segmentHeaderSize+used || s.base+LSN(used) > end {
			return "a segment is shorter than it was"
		}
	}
	if !r.closedAt(end) {
		return "the journal does not end where it says"
	}
	return ""
}

// closedAt reports whether the newest segment ends with the commit record of a proper Close, and there.
func (r *recovery) closedAt(end LSN) bool {
	s := r.segments[len(r.segments)-1]
	at := end - commitSize
	if at < s.base || end > s.end() {
		return false
	}
	var b [commitSize]byte
	if n, _ := s.file.ReadAt(b[:], s.offset(at)); n < len(b) {
		return false
	}
	h, ok := parseRecordHeader(b[:], at)
	if !ok || h.kind != commitKind || h.salt != s.salt || h.length != commitBodySize {
		return false
	}
	body := b[recordHeaderSize:][:commitBodySize]
	c, ok := parseCommit(body)
	return ok && checksum(body) == h.bodyCRC && c.flags == commitCloses && c.durableUpTo == at
}

// cutShort says that records which were there when the journal was closed are not before its end any more: a checkpoint is never out of date. The
// commit record alone is no loss.
func (r *recovery) cutShort() bool { return r.closed != nil && r.end+commitSize < r.closed.end }

// missing enters in the report what was there when the journal was closed, and of which nothing is left: the oldest segments, and the newest records.
func (r *recovery) missing() {
	if r.closed == nil {
		return
	}
	var oldest, newest []Damage
	for _, base := range r.closed.bases {
		if len(r.segments) == 0 || base < r.segments[0].base {
			oldest = append(oldest, Damage{Segment: segmentName(base), LSN: base, Synced: true, Reason: "the segment is missing, and was there when the journal was closed"})
		}
	}
	if n := len(r.segments); n > 0 && r.cutShort() {
		s := r.segments[n-1]
		at := max(r.end, s.base)
		newest = []Damage{{Segment: s.name(), Offset: s.offset(at), LSN: at, Synced: true,
			Reason: fmt.Sprintf("the newest records are missing: when it was closed, the journal went on for %d bytes", r.closed.end-r.end)}}
	}
	if n := len(oldest) + len(newest); n > 0 {
		r.report.Damaged = slices.Concat(oldest, r.report.Damaged, newest)
		r.report.Holes += n
		r.report.Clean = false
	}
}

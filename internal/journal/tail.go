package journal

import (
	"fmt"
	"slices"

	"github.com/postrider-mq/postrider/internal/disk"
)

// tailPiece is what has to be written anew of one segment: what lies at or above the address up to which the last commit
// record says that everything was synced. It can be read now, but perhaps only from the system's cache, after a sync that failed.
type tailPiece struct {
	s     *found
	from  LSN
	raw   []byte // with void records in the place of damage
	ended bool   // the last record is a commit record
}

// hole is a damaged stretch.
type hole struct {
	lsn    LSN
	length int
}

func (h hole) end() LSN { return h.lsn + LSN(h.length) }

// tailPiece returns nil when no record of the journal's user is in the tail.
func (r *recovery) tailPiece(s *found, data []byte, end LSN, holes []hole, ended bool) *tailPiece {
	from := max(r.safe, s.base)
	if end <= from || !s.users {
		return nil
	}
	for len(holes) > 0 && holes[len(holes)-1].end() == end { // nothing follows it that would need it to be filled
		ended = false
		end, holes = holes[len(holes)-1].lsn, holes[:len(holes)-1]
	}
	p := &tailPiece{s: s, from: from, ended: ended, raw: append([]byte(nil), data[from-s.base:end-s.base]...)}
	for _, h := range holes {
		if h.lsn < from {
			continue
		}
		putVoid(p.raw[h.lsn-from:][:h.length], h.lsn, s.salt)
	}
	return p
}

// secure writes the tail into segments of its own, at the same addresses, ended by a commit record. The old segments end
// where the new ones begin. It returns where the journal goes on.
func (r *recovery) secure(tail []*tailPiece) (next LSN, err error) {
	last := tail[len(tail)-1]
	end := last.from + LSN(len(last.raw))
	if !last.ended {
		var c [commitSize]byte
		mark := commit{durableUpTo: r.safe, start: end}
		mark.put(c[:], end, last.s.salt)
		last.raw = append(last.raw, c[:]...)
		end += commitSize
	}
	for _, p := range tail {
		if err := r.rewrite(p, p == last); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func (r *recovery) rewrite(p *tailPiece, last bool) error {
	h := segmentHeader{id: r.j.id, salt: p.s.salt, base: p.from, capacity: int64(p.s.end() - p.from)}
	if last {
		h.capacity = int64(len(p.raw))
	}
	if p.from == p.s.base { // the new file takes the old one's place
		if err := p.s.close(); err != nil {
			return fmt.Errorf("close segment %s of %s: %w", p.s.name(), r.fs, err)
		}
	}
	var file disk.File
	err := r.retry(func() (err error) {
		file, _, err = makeFile(r.fs, h, p.raw, segmentHeaderSize+int64(len(p.raw)))
		return err
	})
	if err != nil {
		return err
	}
	made := &found{segment: &segment{base: p.from, capacity: h.capacity, salt: p.s.salt, file: file}}
	made.used, made.kept, made.keptBytes = int64(len(p.raw)), p.s.tailKept, p.s.tailKeptBytes
	made.filled.Store(true)
	r.insert(made, p.s)
	return nil
}

// insert enters a segment with the tail of old after old, or in its place.
func (r *recovery) insert(made, old *found) {
	i := slices.Index(r.segments, old)
	if made.base == old.base {
		r.segments[i] = made
		return
	}
	old.used = int64(made.base - old.base)
	old.kept -= made.kept
	old.keptBytes -= made.keptBytes
	r.segments = slices.Insert(r.segments, i+1, made)
}

// cutOff gives back the space of what the segments before next no longer need. It is a courtesy: failing costs nothing.
func (r *recovery) cutOff(next LSN) {
	for i, s := range r.segments {
		limit := next
		if i+1 < len(r.segments) {
			limit = r.segments[i+1].base
		}
		if limit >= s.end() {
			continue
		}
		if err := s.file.Truncate(s.offset(min(limit, s.base+LSN(s.used)))); err != nil {
			r.j.log.Warn("the unused end of a segment cannot be cut off", "segment", s.name(), "err", err)
		}
	}
}

package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// Report is what Inspect found in a journal's directory. Its Recovery is what the next Open would find.
type Report struct {
	Recovery
	ID         string          // of the journal, in hexadecimal; empty when no header is intact
	Version    int             // of the format
	End        LSN             // the journal ends here
	Synced     LSN             // everything below had been synced when the last batch was written
	Unfinished []string        // files that were being made; the next Open deletes them
	Spare      []string        // files of former segments, kept for later ones
	Contents   []SegmentReport // by address
}

// SegmentReport is one segment of a Report.
type SegmentReport struct {
	Name          string
	Base          LSN
	Capacity      int64  // bytes of addresses, by its header
	Size          int64  // of the file, in bytes
	Used          int64  // bytes of addresses that hold records, or did
	Salt          uint64 // what its records carry; 0 when neither header nor record tells
	HeaderDamaged bool
	Sealed        bool // it says that the next segment goes on where it ends
	Batches       int64
	Torn          int64 // bytes behind its last record that count for nothing
	Kinds         map[Kind]KindReport
}

// KindReport counts the records of one kind.
type KindReport struct {
	Records int64
	Live    int64 // appended as live
	Bytes   int64 // with headers and padding
}

// Entry is a record and where it is.
type Entry struct {
	Record
	Segment string
	Offset  int64 // of the record's header, in the segment's file
	Size    int64 // with header and padding
}

// look is what a recovery notes that changes nothing.
type look struct {
	unfinished []string
	checkpoint []byte
	visit      func(Entry) error // may be nil
	contents   map[*found]*SegmentReport
	strangers  bool // segments of several journals are no error

	s  *found   // where it is
	sc *scanner // and on what record
}

// Inspect reads a journal's directory without changing it, checks every checksum and shows each record to visit, oldest first. What
// the directory says of a lock is the caller's business: beside a running broker the newest records may seem torn.
//
// Both functions may be nil. An error of visit ends Inspect; progress is told the bytes read and those there are. Errors are those
// of Open that have to do with reading; a directory without a journal is ErrNoJournal.
func Inspect(dir disk.FS, visit func(Entry) error, progress func(done, total int64)) (Report, error) {
	r := lookAt(dir, visit)
	defer r.close()
	if err := r.list(); err != nil {
		return Report{}, err
	}
	if len(r.segments) == 0 {
		return Report{Unfinished: r.look.unfinished, Spare: r.spares}, fmt.Errorf("%s: %w", dir, ErrNoJournal)
	}
	if err := r.inspect(progress); err != nil {
		return Report{}, err
	}
	return r.lookReport(), nil
}

// ErrNoJournal says that a directory holds no segment.
var ErrNoJournal = errors.New("there is no journal")

// lookAt returns a recovery that changes nothing.
func lookAt(dir disk.FS, visit func(Entry) error) *recovery {
	l := &look{visit: visit, contents: map[*found]*SegmentReport{}}
	j := &Journal{fs: dir, log: slog.New(slog.DiscardHandler)}
	return &recovery{j: j, fs: dir, look: l, began: time.Now(), replay: l.replay}
}

// inspect finds the end and goes over all segments.
func (r *recovery) inspect(progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var total, done int64
	length := map[*found]int64{}
	for _, s := range r.segments {
		length[s] = int64(s.limit - s.base)
		total += length[s]
	}
	r.findEnd()
	for i, s := range r.segments {
		r.look.begin(s)
		if s.limit > s.base || s.base < r.end {
			if _, err := r.replaySegment(i, s); err != nil {
				return err
			}
		}
		done += length[s]
		progress(done, total)
	}
	if b, _ := r.readCheckpoint(); b != nil && bytes.Equal(b, r.look.checkpoint) { // nobody has opened the journal meanwhile
		r.closed, _ = r.closing(b)
		r.missing()
	}
	return nil
}

func (l *look) begin(s *found) {
	l.contents[s] = &SegmentReport{
		Name: s.name(), Base: s.base, Capacity: s.capacity, Size: s.size, Salt: s.salt,
		HeaderDamaged: s.badHeader != nil, Torn: s.dropped, Kinds: map[Kind]KindReport{},
	}
}

// span counts the scanner's current span.
func (l *look) span(s *found, sc *scanner) {
	l.s, l.sc = s, sc
	if sc.damage != "" {
		return
	}
	c := l.contents[s]
	k := c.Kinds[sc.kind]
	k.Records++
	k.Bytes += int64(len(sc.raw))
	if sc.live {
		k.Live++
	}
	c.Kinds[sc.kind] = k
	if sc.kind == commitKind {
		c.Batches++
	}
}

func (l *look) replay(rec Record) error {
	if l.visit == nil {
		return nil
	}
	return l.visit(Entry{Record: rec, Segment: l.s.name(), Offset: l.s.offset(rec.LSN), Size: int64(len(l.sc.raw))})
}

// ended notes how far a segment reaches.
func (l *look) ended(s *found, sc *scanner, end LSN) {
	c := l.contents[s]
	c.Used, c.Salt, c.Sealed = int64(end-s.base), sc.salt, sc.sealed
}

func (r *recovery) lookReport() Report {
	p := Report{Recovery: r.report, Version: formatVersion, End: r.end, Synced: r.safe, Unfinished: r.look.unfinished, Spare: r.spares}
	for _, s := range r.segments {
		if s.gone {
			continue
		}
		p.Segments++
		if s.badHeader == nil {
			p.ID = hex.EncodeToString(s.id[:])
		}
		p.Contents = append(p.Contents, *r.look.contents[s])
	}
	return p
}

// InUse returns a *disk.LockedError when some process has the journal open. The directory should be a disk.View, so that asking takes no lock.
func InUse(dir disk.FS) error {
	lock, err := dir.Lock(lockName)
	if err != nil {
		return err
	}
	return lock.Close()
}

// OwnKindName names a kind that is the journal's own.
func OwnKindName(kind Kind) (name string, ok bool) {
	switch kind {
	case commitKind:
		return "commit", true
	case voidKind:
		return "void", true
	}
	return "", kind >= ownKinds
}

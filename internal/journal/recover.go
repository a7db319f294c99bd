package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// Recovery tells what Open found in the directory.
type Recovery struct {
	Segments int
	Records  int64    // replayed
	Bytes    int64    // read
	Clean    bool     // the journal was new, or closed properly
	Resumed  bool     // from a checkpoint: the segments were not read
	Torn     int64    // bytes dropped at the tail: they were being written when the process or the machine stopped
	Damaged  []Damage // what could not be read or is missing, oldest first
	Holes    int      // the same, and what was given up earlier and overwritten
}

// Damage is a stretch of the journal that could not be read, or is missing. Its raw bytes were copied into the file Quarantine.
type Damage struct {
	Segment    string
	Offset     int64 // in the segment's file
	Length     int64
	LSN        LSN
	Synced     bool // it had been durable: the disk lost it. Otherwise it may never have been wholly written.
	Reason     string
	Quarantine string // empty when the stretch holds no bytes
}

// recovery is the work of Open. It goes over the files twice: once over the newest, backwards, to find where the journal
// ends, and then over all of them to replay.
//
// The end is decided like this. A batch is written only after the one before it was synced, so at most the last batch can
// be torn. Everything before the last intact commit record counts, and what is not readable there is damage. After it,
// records count up to the first that is not readable; the rest is a torn tail.
type recovery struct {
	j      *Journal
	fs     disk.FS
	replay func(Record) error
	look   *look // not nil: nothing is changed, see Inspect
	report Recovery
	began  time.Time
	told   time.Time

	segments []*found // oldest first
	spares   []string // files of former segments, kept for later ones
	end      LSN      // the journal ends here
	safe     LSN      // every byte below had been synced: the last commit record says so
	closed   *closing // what a checkpoint that is there says; nil: nothing
	buf      []byte
}

// found is a segment that was found in the directory.
type found struct {
	*segment
	id        [16]byte
	limit     LSN // what lies from here on is not its own: the next segment's base, or the journal's end
	salted    bool
	badHeader []byte // the file's header, if it is damaged
	size      int64  // of the file
	former    LSN    // as the header says: what lies behind the records may be from that segment
	gone      bool   // Inspect came late: the broker that uses the directory has made another segment of it

	// What survey found.
	committed bool // an intact commit record
	lastEnd   LSN  // of the run of records after the last commit record
	safe      LSN  // what the last commit record says was synced
	clean     bool // the last commit record is that of a proper Close, and nothing follows
	sealed    bool
	torn      int64 // bytes from lastEnd on
	dropped   int64 // of them, what is dropped
	unread    []unread
	beyond    *unread // the first that reaches beyond the journal's end

	// What replaying found at or above the address up to which everything was synced.
	users         bool // records of the journal's user
	tailKept      uint64
	tailKeptBytes int64
}

// run recovers. It returns where the journal goes on and the segments so far.
func (r *recovery) run() (next LSN, segments []*segment, err error) {
	if err := r.list(); err != nil {
		return 0, nil, err
	}
	if len(r.segments) == 0 {
		r.report.Clean = true
		return firstLSN, nil, r.begin()
	}
	resumed, err := r.resume()
	if err != nil {
		return 0, nil, err
	}
	if next = r.safe; !resumed {
		next, err = r.readAllSegments()
	}
	if err != nil {
		return 0, nil, err
	}
	if err := r.removeLeftovers(next); err != nil {
		return 0, nil, err
	}
	for _, s := range r.segments {
		segments = append(segments, s.segment)
	}
	r.report.Segments = len(segments)
	r.summarize()
	return next, segments, nil
}

// begin takes up a directory without segments: of a new journal, or of one that has lost them all.
func (r *recovery) begin() error {
	b, err := r.takeCheckpoint()
	if err != nil {
		return err
	}
	if b != nil {
		r.closed, _ = r.closing(b)
		r.missing()
		r.summarize()
	}
	return nil
}

// readAllSegments finds the journal's end and replays all records before it. It returns where the journal goes on.
func (r *recovery) readAllSegments() (next LSN, err error) {
	r.findEnd()
	if err := r.refuse(); err != nil {
		return 0, err
	}
	next, err = r.replayAll()
	r.missing()
	return next, err
}

func (r *recovery) close() {
	for _, s := range r.segments {
		_ = s.close()
	}
}

// list opens the segments and deletes what was being made when the process stopped.
func (r *recovery) list() error {
	if r.look != nil { // before anything else: a broker that closes the journal meanwhile leaves one that tells of more than is found here
		r.look.checkpoint, _ = r.readCheckpoint()
	}
	names, err := r.fs.List(".")
	if err != nil {
		return fmt.Errorf("list %s: %w", r.fs, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, SegmentExt+tmpExt) {
			if r.look != nil {
				r.look.unfinished = append(r.look.unfinished, name)
				continue
			}
			if err := r.fs.Remove(name); err != nil {
				return fmt.Errorf("remove unfinished file %s from %s: %w", name, r.fs, err)
			}
			continue
		}
		if strings.HasSuffix(name, spareExt) {
			r.spares = append(r.spares, name)
			continue
		}
		base, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		s, err := r.openSegment(name, base)
		if r.look != nil && errors.Is(err, fs.ErrNotExist) {
			continue // the broker that uses the directory has deleted it
		}
		if err != nil {
			return err
		}
		if r.usedAgain(s) {
			_ = s.close()
			continue
		}
		r.segments = append(r.segments, s)
	}
	if r.look != nil && r.look.strangers {
		return nil
	}
	r.setLimits()
	return r.adoptID()
}

// setLimits ends each segment where the next begins.
func (r *recovery) setLimits() {
	for i, s := range r.segments[:max(0, len(r.segments)-1)] {
		s.limit = min(s.limit, r.segments[i+1].base)
	}
}

func (r *recovery) openSegment(name string, base LSN) (*found, error) {
	file, err := r.fs.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open segment %s of %s: %w", name, r.fs, err)
	}
	s := &found{segment: &segment{base: base, file: file}}
	s.filled.Store(true)
	if err := r.readHeader(s); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

// readHeader reads the file's header. A damaged one costs no record: all that is needed can be told from the rest.
func (r *recovery) readHeader(s *found) error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("find the size of segment %s of %s: %w", s.name(), r.fs, err)
	}
	s.size = size
	s.capacity = max(0, size-segmentHeaderSize)
	b := make([]byte, segmentHeaderSize)
	r.readAll(s, b, 0)
	h, ok, err := parseSegmentHeader(b)
	if err != nil {
		return fmt.Errorf("segment %s of %s: %w", s.name(), r.fs, err)
	}
	if !ok || h.base != s.base || h.capacity < 0 || h.capacity > 1<<40 {
		s.badHeader = b
	} else {
		s.salt, s.salted, s.id, s.former = h.salt, true, h.id, h.former
		s.capacity = h.capacity
	}
	s.limit = s.base + LSN(min(s.capacity, max(0, size-segmentHeaderSize)))
	return nil
}

// adoptID takes over the journal's identity from its segments, which must not be of two journals.
func (r *recovery) adoptID() error {
	var first *found
	for _, s := range r.segments {
		switch {
		case !s.salted:
		case first == nil:
			first, r.j.id = s, s.id
		case s.id != first.id:
			return fmt.Errorf("segments %s and %s of %s belong to two different journals: move one of them away, or run postrider journal repair", first.name(), s.name(), r.fs)
		}
	}
	return nil
}

// readAll fills b from the file. Where the disk fails, page by page, zeros stand in and are found to be damage.
func (r *recovery) readAll(s *found, b []byte, off int64) {
	n, err := s.file.ReadAt(b, off)
	if n == len(b) || err == io.EOF {
		clear(b[n:])
		return
	}
	r.j.log.Error("the disk cannot read a segment of the journal; trying page by page", "segment", s.name(), "offset", off, "err", err)
	const page = 4096
	for at := 0; at < len(b); at += page {
		piece := b[at:min(at+page, len(b))]
		n, err := s.file.ReadAt(piece, off+int64(at))
		clear(piece[n:])
		if err != nil && err != io.EOF {
			clear(piece)
			s.couldNotRead(off+int64(at), int64(len(piece)), err)
		}
	}
}

// load reads the segment's records, up to its limit, into r.buf.
func (r *recovery) load(s *found) []byte {
	n := int(s.limit - s.base)
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	s.unread = s.unread[:0]
	r.readAll(s, r.buf, segmentHeaderSize)
	if r.usedAgain(s) {
		s.gone = true
		return nil
	}
	return r.buf
}

// usedAgain reports, to Inspect beside a running broker, that a segment is no longer: the broker has begun to make another of its file.
// It changes the header before anything else in the file, and after the name.
func (r *recovery) usedAgain(s *found) bool {
	if r.look == nil {
		return false
	}
	b := make([]byte, segmentHeaderSize)
	if n, _ := s.file.ReadAt(b, 0); n < len(b) {
		return false
	}
	if h, ok, _ := parseSegmentHeader(b); !ok || h.base == s.base {
		return false
	}
	file, err := r.fs.Open(s.name())
	if err == nil {
		_ = file.Close()
	}
	return errors.Is(err, fs.ErrNotExist)
}

func (r *recovery) scan(s *found) *scanner {
	return newScanner(r.load(s), s.base, s.salt, s.salted)
}

// findEnd finds the newest segment with a commit record, and there, or in the one after it, the end of the journal.
func (r *recovery) findEnd() {
	last := len(r.segments) - 1
	for ; last > 0; last-- {
		r.survey(r.segments[last])
		if r.segments[last].committed {
			break
		}
	}
	s := r.segments[last]
	if last == 0 {
		r.survey(s)
	}
	r.end, r.safe, r.report.Clean = s.lastEnd, s.safe, s.clean
	if last+1 < len(r.segments) {
		// This segment was synced as a whole before anything was written to the next one.
		after := r.segments[last+1]
		if (s.sealed || s.lastEnd == after.base) && after.lastEnd > after.base {
			r.end, r.report.Clean = after.lastEnd, false
		}
	}
	for _, s := range r.segments {
		s.beyond = s.unreadBehind(r.end)
		if s.limit > r.end {
			s.dropped = s.tornFrom(r.end)
			r.report.Torn += s.dropped
			s.limit = max(s.base, r.end)
		}
	}
}

// tornFrom returns how many bytes of the segment, from address end on, are not zero up to the last that is not.
func (s *found) tornFrom(end LSN) int64 {
	return max(0, int64(s.lastEnd)+s.torn-int64(max(end, s.base)))
}

// survey reads one segment to find what its last commit record is and what follows it.
func (r *recovery) survey(s *found) {
	sc := r.scan(s)
	s.lastEnd = s.base
	broken := false   // since the last commit record
	written := s.base // everything below was written to this segment, not to one that the file was before
	for sc.next() {
		if !sc.unknown {
			written = sc.end()
		}
		if sc.damage != "" {
			broken = true
			s.clean = s.clean && sc.unknown && s.former > 0
			continue
		}
		if c, ok := sc.commit(); ok {
			s.committed, broken = true, false
			s.safe = max(s.safe, min(c.durableUpTo, sc.lsn))
			s.clean = c.flags&commitCloses != 0
		} else if !broken {
			s.clean = false
		}
		if !broken {
			s.lastEnd = sc.end()
		}
	}
	s.sealed = sc.sealed
	if s.former == 0 {
		written = max(written, s.base+LSN(sc.used))
	}
	s.torn = max(0, int64(written)-int64(s.lastEnd))
	if sc.sealed {
		s.torn = 0
	}
}

// summarize says in the log what was found.
func (r *recovery) summarize() {
	log := r.j.log
	for _, d := range r.report.Damaged {
		log.Error("a part of the journal is damaged or missing; its bytes, if there are any, are in quarantine, and the rest is served", "dir", r.fs.String(), "segment", d.Segment, "offset", d.Offset,
			"length", d.Length, "lsn", uint64(d.LSN), "synced", d.Synced, "reason", d.Reason, "quarantine", d.Quarantine)
	}
	log.Info("journal recovered", "dir", r.fs.String(), "segments", r.report.Segments, "records", r.report.Records,
		"bytes", r.report.Bytes, "clean", r.report.Clean, "resumed", r.report.Resumed, "torn", r.report.Torn, "damaged", len(r.report.Damaged), "took", time.Since(r.began).Round(time.Millisecond))
}

// progress logs how far a long recovery has come, once a second.
func (r *recovery) progress(i int) {
	if now := time.Now(); now.Sub(r.began) > time.Second && now.Sub(r.told) > time.Second {
		r.told = now
		r.j.log.Info("recovering the journal", "segment", i+1, "of", len(r.segments), "records", r.report.Records)
	}
}

// removeLeftovers deletes the segments that begin at or after the journal's end, or after the address where it goes on:
// they hold nothing. It does so before anything new can come to lie at their addresses.
func (r *recovery) removeLeftovers(next LSN) error {
	var err error
	r.segments = slices.DeleteFunc(r.segments, func(s *found) bool {
		if s.base < min(next, r.end) {
			return false
		}
		err = errors.Join(err, s.close())
		if s.base != next { // a file named next is replaced by the new segment
			err = errors.Join(err, r.fs.Remove(s.name()))
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("remove empty segments from %s: %w", r.fs, err)
	}
	if err := r.fs.SyncDir("."); err != nil {
		return fmt.Errorf("sync directory %s: %w", r.fs, err)
	}
	return nil
}

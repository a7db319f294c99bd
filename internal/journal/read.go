package journal

import (
	"errors"
	"fmt"
	"io"
)

// ErrGone is returned by Read for a record whose segment has been deleted.
var ErrGone = errors.New("the record is no longer in the journal")

// DamageError says that a record cannot be read.
type DamageError struct {
	Segment string
	Offset  int64
	LSN     LSN
	Reason  string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("segment %s is damaged at offset %d: %s", e.Segment, e.Offset, e.Reason)
}

// readAhead is how much Read reads at first. Most records fit.
const readAhead = 4096

// Read returns the record at lsn, with a body of its own. Errors: ErrGone; a *DamageError when what is there is not an
// intact record; those of the disk.
func (j *Journal) Read(lsn LSN) (Record, error) {
	if raw := j.unwritten(lsn); raw != nil {
		return j.parse(raw, lsn, nil)
	}
	s := j.segment(lsn)
	if s == nil {
		return Record{}, ErrGone
	}
	raw := make([]byte, max(0, min(readAhead, int64(s.end()-lsn))))
	if err := j.readAt(s, raw, lsn); err != nil {
		raw = raw[:min(recordHeaderSize, len(raw))] // the disk may have failed on what follows the record
		if err := j.readAt(s, raw, lsn); err != nil {
			return Record{}, err
		}
	}
	h, ok := parseRecordHeader(raw, lsn)
	if !ok || h.salt != s.salt {
		return Record{}, &DamageError{s.name(), s.offset(lsn), lsn, "there is no intact record header"}
	}
	if size := recordHeaderSize + int(h.length); size > len(raw) {
		head := raw
		raw = make([]byte, size)
		if err := j.readAt(s, raw[copy(raw, head):], lsn+LSN(len(head))); err != nil {
			return Record{}, err
		}
	}
	return j.parse(raw, lsn, s)
}

// parse checks the record that raw begins with. Its body aliases raw.
func (j *Journal) parse(raw []byte, lsn LSN, s *segment) (Record, error) {
	if s == nil {
		s = j.segment(lsn)
	}
	h, ok := parseRecordHeader(raw, lsn)
	if !ok || h.kind >= ownKinds || h.salt != s.salt {
		return Record{}, &DamageError{s.name(), s.offset(lsn), lsn, "there is no record at this address"}
	}
	body := raw[recordHeaderSize : recordHeaderSize+int(h.length)]
	if checksum(body) != h.bodyCRC {
		return Record{}, &DamageError{s.name(), s.offset(lsn), lsn, "the checksum of the record's body does not match"}
	}
	return Record{LSN: lsn, Kind: h.kind, Live: h.flags&flagLive != 0, Body: body}, nil
}

// unwritten returns a copy of what begins at lsn, if that is still in memory.
func (j *Journal) unwritten(lsn LSN) []byte {
	if lsn <= j.Durable() {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range append([]*batch{j.writing, j.fill}, j.full...) {
		if b == nil || lsn < b.start || lsn+recordHeaderSize > b.end() {
			continue
		}
		raw := b.buf[lsn-b.start:]
		if h, ok := parseRecordHeader(raw, lsn); ok {
			return append([]byte(nil), raw[:recordHeaderSize+int(h.length)]...)
		}
	}
	return nil
}

// readAt fills b with the bytes of s from address lsn on.
func (j *Journal) readAt(s *segment, b []byte, lsn LSN) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file == nil {
		return ErrGone
	}
	n, err := s.file.ReadAt(b, s.offset(lsn))
	if n == len(b) || err == io.EOF { // beyond the end of the file lie zeros
		clear(b[n:])
		return nil
	}
	return fmt.Errorf("read segment %s of %s at offset %d: %w", s.name(), j.fs, s.offset(lsn), err)
}

package journal

import (
	"bytes"

	"github.com/postrider-mq/postrider/internal/disk"
)

// scanner walks through the records in the bytes of one segment. What is damaged it returns as well, as far as the next
// readable record. A seal ends the walk, as do zeros up to the end. In a file that was another
// segment before, what is left of that one looks like damage.
type scanner struct {
	data   []byte // the segment from address base on
	base   LSN
	salt   uint64
	salted bool // salt is known; otherwise it becomes that of the first intact record
	used   int  // data[used:] is all zeros
	at     int
	sealed bool // a seal was the last record

	span // the current one
}

// span is a stretch of a segment: one record, or what cannot be read between two.
type span struct {
	lsn    LSN
	raw    []byte // all of it
	kind   Kind
	live   bool
	body   []byte
	damage string // why it cannot be read; empty for a record

	unknown bool // not even a header can be
}

func (s *span) end() LSN { return s.lsn + LSN(len(s.raw)) }

// own reports whether the record is one of the journal's, not of its user's.
func (s *span) own() bool { return s.kind >= ownKinds }

// void reports whether the record stands where something was damaged when the tail was written anew.
func (s *span) void() bool { return s.damage == "" && s.kind == voidKind }

func (s *span) commit() (commit, bool) {
	if s.damage != "" || s.kind != commitKind {
		return commit{}, false
	}
	return parseCommit(s.body)
}

func newScanner(data []byte, base LSN, salt uint64, salted bool) *scanner {
	return &scanner{data: data, base: base, salt: salt, salted: salted, used: lastNonZero(data)}
}

// next moves to the next span.
func (s *scanner) next() bool {
	if s.sealed || s.at >= s.used {
		return false
	}
	if h, ok := s.header(s.at); ok {
		s.salt, s.salted = h.salt, true
		s.record(h)
	} else {
		s.skip()
	}
	s.at += len(s.raw)
	if c, ok := s.commit(); ok {
		s.sealed = c.flags&commitSeals != 0
	}
	return true
}

// stopped returns the address up to which the scanner has come.
func (s *scanner) stopped() LSN { return s.base + LSN(s.at) }

// header returns the intact header at data[at:], of a record that fits into data.
func (s *scanner) header(at int) (recordHeader, bool) {
	h, ok := parseRecordHeader(s.data[at:], s.base+LSN(at))
	if !ok || s.salted && h.salt != s.salt || at+recordSize(int(h.length)) > len(s.data) {
		return h, false
	}
	return h, true
}

func (s *scanner) record(h recordHeader) {
	raw := s.data[s.at : s.at+recordSize(int(h.length))]
	s.span = span{lsn: h.lsn, raw: raw, kind: h.kind, live: h.flags&flagLive != 0}
	s.body = raw[recordHeaderSize : recordHeaderSize+int(h.length)]
	if checksum(s.body) != h.bodyCRC {
		s.damage = "the checksum of the record's body does not match"
	}
}

// skip makes what lies before the next intact header the current span: a flipped length cannot lose what follows it.
func (s *scanner) skip() {
	to := s.at + 8
	for ; to < s.used; to += 8 {
		if _, ok := s.header(to); ok {
			break
		}
	}
	raw := s.data[s.at:min(to, len(s.data))]
	s.span = span{lsn: s.base + LSN(s.at), raw: raw, damage: "there is no intact record header", unknown: true}
}

var zeros [1<<20 + disk.Block]byte

// lastNonZero returns the length of b without the zeros at its end.
func lastNonZero(b []byte) int {
	const step = 4096
	for len(b) >= step && bytes.Equal(b[len(b)-step:], zeros[:step]) {
		b = b[:len(b)-step]
	}
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return len(b)
}

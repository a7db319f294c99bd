package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// The sizes and numbers of the format. docs/JOURNAL.md draws it byte for byte.
const (
	segmentHeaderSize = 4096
	recordHeaderSize  = 28
	commitBodySize    = 24
	commitSize        = (recordHeaderSize + commitBodySize + 7) &^ 7
	formatVersion     = 2
	oldestVersion     = 1 // that can be read

	magic = "\x89PRJ\r\n\x1a\n"
)

// SegmentExt is what the names of a journal's files of records end in.
const SegmentExt = ".seg"

// MaxBody is the largest body of a record, in bytes.
const MaxBody = 1 << 30

// The journal's own kinds of record.
const (
	ownKinds   Kind = 0xF0
	voidKind   Kind = 0xFE // in the place of a damaged stretch, when what lies around it was written anew
	commitKind Kind = 0xFF // ends a batch
)

const flagLive = 1

// Flags of a commit record.
const (
	commitSeals = 1 << iota // nothing follows in this segment; the next one's base is this one's base plus its capacity
	commitCloses
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(b []byte) uint32 { return crc32.Update(0, castagnoli, b) }

// recordSize returns what a record with a body of n bytes takes in a segment.
func recordSize(n int) int { return (recordHeaderSize + n + 7) &^ 7 }

// recordHeader is the first 28 bytes of a record.
type recordHeader struct {
	length  uint32
	kind    Kind
	flags   uint8
	salt    uint64 // 48 bits
	lsn     LSN
	bodyCRC uint32
}

// put writes the header to b[:28].
func (h *recordHeader) put(b []byte) {
	_ = b[recordHeaderSize-1]
	le.PutUint32(b[4:], h.length)
	le.PutUint64(b[8:], uint64(h.kind)|uint64(h.flags)<<8|h.salt>>32<<16|h.salt<<32)
	le.PutUint64(b[16:], uint64(h.lsn))
	le.PutUint32(b[24:], h.bodyCRC)
	le.PutUint32(b[0:], checksum(b[4:recordHeaderSize]))
}

// parseRecordHeader reads the header of the record that should be at lsn. It is refused unless it is intact and says that
// it belongs to this very place.
func parseRecordHeader(b []byte, lsn LSN) (h recordHeader, ok bool) {
	if len(b) < recordHeaderSize || le.Uint64(b[16:]) != uint64(lsn) {
		return h, false
	}
	if le.Uint32(b) != checksum(b[4:recordHeaderSize]) {
		return h, false
	}
	h = recordHeader{
		length: le.Uint32(b[4:]), kind: Kind(b[8]), flags: b[9], lsn: lsn, bodyCRC: le.Uint32(b[24:]),
		salt: uint64(le.Uint16(b[10:]))<<32 | uint64(le.Uint32(b[12:])),
	}
	return h, h.length <= MaxBody
}

// commit is the body of the record that ends a batch.
type commit struct {
	durableUpTo LSN // every byte of the journal below this address had been synced when the batch was written
	start       LSN // where the batch begins
	records     uint32
	flags       uint32
}

// put writes the commit record for address lsn to b[:commitSize].
func (c *commit) put(b []byte, lsn LSN, salt uint64) {
	clear(b[recordHeaderSize:commitSize])
	body := b[recordHeaderSize : recordHeaderSize+commitBodySize]
	le.PutUint64(body[0:], uint64(c.durableUpTo))
	le.PutUint64(body[8:], uint64(c.start))
	le.PutUint32(body[16:], c.records)
	le.PutUint32(body[20:], c.flags)
	h := recordHeader{length: commitBodySize, kind: commitKind, salt: salt, lsn: lsn, bodyCRC: checksum(body)}
	h.put(b)
}

func parseCommit(body []byte) (c commit, ok bool) {
	if len(body) != commitBodySize {
		return c, false
	}
	return commit{LSN(le.Uint64(body)), LSN(le.Uint64(body[8:])), le.Uint32(body[16:]), le.Uint32(body[20:])}, true
}

// putVoid makes all of b one void record for address lsn.
func putVoid(b []byte, lsn LSN, salt uint64) {
	clear(b)
	h := recordHeader{length: uint32(len(b) - recordHeaderSize), kind: voidKind, salt: salt, lsn: lsn}
	h.bodyCRC = checksum(b[recordHeaderSize:])
	h.put(b)
}

// segmentHeader is the first 4 KiB of a segment's file.
type segmentHeader struct {
	id       [16]byte // the journal's
	salt     uint64   // what records carry of it
	base     LSN
	capacity int64 // the bytes of addresses that are this segment's, from base
	former   LSN   // the base of the segment that the file was before; 0: a new file, with zeros behind the records
}

// What records carry of a segment's salt, by version.
const (
	saltMask      = 1<<48 - 1
	saltMaskOfOld = 1<<32 - 1
)

func (h *segmentHeader) bytes() []byte {
	b := make([]byte, segmentHeaderSize)
	copy(b, magic)
	le.PutUint32(b[8:], formatVersion)
	le.PutUint32(b[12:], segmentHeaderSize)
	copy(b[16:], h.id[:])
	le.PutUint64(b[32:], h.salt)
	le.PutUint64(b[40:], uint64(h.base))
	le.PutUint64(b[48:], uint64(h.capacity))
	le.PutUint64(b[56:], uint64(h.former))
	le.PutUint32(b[segmentHeaderSize-4:], checksum(b[:segmentHeaderSize-4]))
	return b
}

// parseSegmentHeader returns ok=false for a header that is damaged, and an error for one that is intact and not for us.
func parseSegmentHeader(b []byte) (h segmentHeader, ok bool, err error) {
	if len(b) < segmentHeaderSize || string(b[:8]) != magic {
		return h, false, nil
	}
	if le.Uint32(b[segmentHeaderSize-4:]) != checksum(b[:segmentHeaderSize-4]) {
		return h, false, nil
	}
	v := le.Uint32(b[8:])
	if v < oldestVersion || v > formatVersion {
		return h, false, fmt.Errorf("it is of format version %d and this program reads versions %d to %d: use the program that wrote it, or a newer one", v, oldestVersion, formatVersion)
	}
	copy(h.id[:], b[16:])
	h.salt, h.base, h.capacity, h.former = le.Uint64(b[32:])&saltMask, LSN(le.Uint64(b[40:])), int64(le.Uint64(b[48:])), LSN(le.Uint64(b[56:]))
	if v == oldestVersion {
		h.salt &= saltMaskOfOld
	}
	return h, true, nil
}

func segmentName(base LSN) string { return fmt.Sprintf("%016x%s", uint64(base), SegmentExt) }

func parseSegmentName(name string) (LSN, bool) {
	digits, ok := strings.CutSuffix(name, SegmentExt)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	base, err := strconv.ParseUint(digits, 16, 64)
	return LSN(base), err == nil && base%8 == 0 && base > 0 && base < 1<<62
}

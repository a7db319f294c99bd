package journal

import "github.com/postrider-mq/postrider/internal/disk"

// maxBatch is the size at which a batch is closed and another begun, so that a long backlog is written in pieces.
const maxBatch = 4 << 20

// minBatch is the size of a fresh batch's buffer. It doubles as needed.
const minBatch = 64 << 10

// batch is what one write and one sync make durable. It lies in one segment.
type batch struct {
	seg     *segment
	start   LSN
	mem     []byte // whole blocks
	lead    int    // the bytes of mem before buf: what lies before the batch in its first block
	buf     []byte // the records, in mem; the commit record is put at its end when the batch is closed
	records uint32
	flags   uint32 // of the commit record
	closed  bool
}

// end returns the address after the batch's last byte.
func (b *batch) end() LSN { return b.start + LSN(len(b.buf)) }

// commitLSN returns the address of the commit record of a closed batch.
func (b *batch) commitLSN() LSN { return b.end() - commitSize }

// add puts a record at the end of the batch, which has room for it.
func (b *batch) add(h *recordHeader, size int, parts [][]byte) {
	at := len(b.buf)
	b.buf = b.buf[:at+size]
	rec := b.buf[at:]
	le.PutUint64(rec[size-8:], 0) // the padding
	h.put(rec)
	rest := rec[recordHeaderSize:]
	for _, p := range parts {
		rest = rest[copy(rest, p):]
	}
	b.records++
}

// The rest of this file runs with j.mu held.

// begin starts a batch in segment s at the address j.next.
func (j *Journal) begin(s *segment) {
	b := &batch{}
	if n := len(j.spare); n > 0 {
		b, j.spare = j.spare[n-1], j.spare[:n-1]
	}
	*b = batch{seg: s, start: j.next, mem: b.mem, lead: int(s.offset(j.next) % disk.Block)}
	if b.mem == nil {
		b.mem = disk.Blocks(minBatch)
	}
	b.buf = b.mem[b.lead:b.lead]
	j.fill, j.due = b, false
}

// closeBatch leaves room for the commit record at the end of the batch being filled and takes the batch out. The writer
// puts the record there, when it knows what is durable.
func (j *Journal) closeBatch(flags uint32) *batch {
	b := j.fill
	b.flags, b.closed = flags, true
	if cap(b.buf) < len(b.buf)+commitSize {
		b.grow(len(b.buf) + commitSize)
	}
	b.buf = b.buf[:len(b.buf)+commitSize]
	j.next += commitSize
	b.seg.used = int64(j.next - b.seg.base)
	j.backlog.Add(commitSize)
	j.fill = nil
	return b
}

// room makes room for size bytes and a commit record in the batch being filled, or begins another when that one is large.
func (j *Journal) room(size int) {
	if len(j.fill.buf) >= maxBatch/2 && j.roomInSegment(size+commitSize) {
		s := j.fill.seg
		j.full = append(j.full, j.closeBatch(0))
		j.begin(s)
	}
	b := j.fill
	need := len(b.buf) + size + commitSize
	if need <= cap(b.buf) {
		return
	}
	b.grow(max(need, 2*cap(b.buf)))
}

// roomInSegment reports whether size bytes fit into the segment. Room for two commit records is left after them: one to end
// the batch, and one to seal the segment.
func (j *Journal) roomInSegment(size int) bool {
	return j.next+LSN(size)+2*commitSize <= j.tail.end()
}

// roll seals the segment being filled and begins the next one, with room for a record of size bytes.
func (j *Journal) roll(size int) {
	old := j.tail
	j.full = append(j.full, j.closeBatch(commitSeals))
	s := &segment{base: old.end(), capacity: j.nextCapacity(old.capacity), salt: j.salt(old.end())}
	if j.lacks() == scarceRoom {
		s.capacity = j.leastCapacity()
	}
	if made := j.ahead.Load(); made != nil && made.base == s.base {
		s.capacity = made.capacity
	}
	s.capacity = max(s.capacity, int64(size)+2*commitSize)
	j.tail, j.next = s, s.base
	j.begin(s)
	old.filled.Store(true)
	list := append(append(make([]*segment, 0, len(*j.segments.Load())+1), *j.segments.Load()...), s)
	j.segments.Store(&list)
	j.poke(j.wakeReclaimer)
}

// nextCapacity returns the size of the segment after one of the given size: segments begin small and double.
func (j *Journal) nextCapacity(last int64) int64 {
	return min(j.cfg.SegmentSize, max(2*last, j.firstCapacity())) &^ 7
}

func (j *Journal) firstCapacity() int64 { return min(j.cfg.SegmentSize, smallestSegment) }

// leastCapacity is the size of segments on a full disk: small, so that what is left is used to the end, and there is room for
// the next one sooner.
func (j *Journal) leastCapacity() int64 {
	return max(j.firstCapacity()/8&^7, min(j.firstCapacity(), 4096))
}

// recycle keeps a written batch's buffer for another, unless there are enough or it was far larger than it needed to be.
func (j *Journal) recycle(b *batch) {
	if cap(b.buf) > 2*maxBatch || cap(b.buf) > 16*minBatch && len(b.buf) < cap(b.buf)/64 {
		b.mem = nil
	}
	if len(j.spare) < 2 {
		j.spare = append(j.spare, b)
	}
}

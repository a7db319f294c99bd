package journal

import "github.com/postrider-mq/postrider/internal/disk"

// A batch is written as whole blocks of its segment's file, so that the system need not read what it writes only a part of, and so
// that the batch can go to the disk past the system's cache, whose memory would be new for each of a segment's blocks:
//
//	       block        │       block        │       block        │       block        │ …
//	────────────────────┼────────────────────┼────────────────────┼────────────────────┼──
//	 earlier batch      │                    │                    │                    │
//	        │ records … │ … commit record    │                    │                    │
//	                    │              zeros │ zeros, if the batch was small …         │
//	        └ start                          └ whole blocks of it  └ zeroAhead bytes later
//
// A new segment's file has its room, but its blocks are unwritten as far as the file system knows. A sync of blocks that are
// written for the first time writes metadata as well, and takes half as long again. A large batch has that for the whole of itself, and it is
// less than writing zeros first. Small batches have it once for many: the first that goes beyond what was written takes zeros along
// for those that follow.

const (
	zeroAhead  = 256 << 10 // bytes of zeros that a small batch takes along
	largeBatch = 64 << 10  // bytes from which a batch takes none
)

// grow gives the batch memory for n bytes from its start on. It begins where the batch does in its first block.
func (b *batch) grow(n int) {
	mem := disk.Blocks(b.lead + n)
	b.buf = append(mem[b.lead:b.lead], b.buf...)
	b.mem = mem
}

// blocks returns the batch as whole blocks: edge lies before it in the first, zeros behind it in the last.
func (b *batch) blocks(edge []byte) []byte {
	copy(b.mem, edge[:b.lead])
	used := b.lead + len(b.buf)
	whole := b.mem[:roundUp(used)]
	clear(whole[used:])
	return whole
}

func roundUp(n int) int { return (n + disk.Block - 1) &^ (disk.Block - 1) }

// writeBlocks writes a batch that is ended by its commit record. What is synced at once passes the cache by.
func (j *Journal) writeBlocks(b *batch, synced bool) (err error) {
	s := b.seg
	whole := b.blocks(j.edge[:])
	from := s.offset(b.start) - int64(b.lead)
	to := from + int64(len(whole))
	switch {
	case to > s.size(): // which is no number of whole blocks
		_, err = s.file.WriteAt(b.buf, s.offset(b.start))
	case synced:
		_, err = s.file.WriteBlocks(whole, from)
	default:
		_, err = s.file.WriteAt(whole, from)
	}
	copy(j.edge[:], whole[len(whole)-disk.Block:])
	if err != nil || to <= s.fresh {
		return err
	}
	s.fresh = to
	if !synced || len(b.buf) >= largeBatch {
		return nil
	}
	return s.blank(min(zeroAhead, s.size()&^(disk.Block-1)-to))
}

// blank writes n bytes of zeros into blocks that were never written.
func (s *segment) blank(n int64) error {
	if n <= 0 {
		return nil
	}
	_, err := s.file.WriteBlocks(disk.Aligned(zeros[:])[:n], s.fresh)
	s.fresh += n
	return err
}

package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// TestBatchesShareBlocks writes batches of all sizes, each of which begins in the block in which another ended, in each mode, and
// kills the process again and again.
func TestBatchesShareBlocks(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncInterval, SyncNone} {
		for _, size := range []int64{1 << 20, 100_000} { // some segments are no number of whole blocks
			t.Run(fmt.Sprint(mode, size), func(t *testing.T) {
				mem, r := disk.NewMem(), rand.New(rand.NewPCG(1, uint64(size)))
				j, hand := openByHand(t, Config{FS: mem, SegmentSize: size, Sync: mode})
				var want []string
				for batch := range 60 {
					for range 1 + r.IntN(4) {
						body := strings.Repeat(string(rune('a'+batch%26)), r.IntN(100<<r.IntN(8)))
						want = append(want, body)
						j.Append(1, true, []byte(body))
					}
					for hand.Write() == Worked {
					}
					hand.Prepare()
					if batch%6 == 5 {
						if _, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: size}); !slices.Equal(held, want) {
							t.Fatalf("after %d batches the journal holds %d records, not the %d that were appended", batch+1, len(held), len(want))
						}
					}
				}
			})
		}
	}
}

// TestSmallBatchesTakeZerosAlong: the first that comes to blocks that were never written does so for those behind it; a large one writes only
// itself. Where a segment's file was one before nothing is ever filled.
func TestSmallBatchesTakeZerosAlong(t *testing.T) {
	writes := 0
	fs := disk.NewFaulty(disk.NewMem(), nil, func(op disk.Op) {
		if op.Kind == disk.OpWrite {
			writes++
		}
	})
	j, hand := openByHand(t, Config{FS: fs, SegmentSize: 4 << 20})
	hand.Prepare()
	wrote := func(size int) int {
		writes = 0
		j.Append(1, true, make([]byte, size))
		hand.Write()
		return writes
	}
	if n := wrote(100); n != 2 {
		t.Errorf("the first batch took %d writes, want its own and one of zeros", n)
	}
	for filled := 0; filled < zeroAhead-2*disk.Block; filled += 1024 {
		if n := wrote(1024 - recordHeaderSize - commitSize); n != 1 {
			t.Fatalf("a batch behind it took %d writes, want only its own", n)
		}
	}
	if n := wrote(4 * disk.Block); n != 2 {
		t.Errorf("the first batch beyond the zeros took %d writes, want its own and one of zeros", n)
	}
	for range 4 {
		if n := wrote(zeroAhead); n != 1 {
			t.Errorf("a large batch took %d writes, want only its own", n)
		}
	}
	j.tail.fresh = j.tail.size() // as if the file had been a segment before
	if n := wrote(100); n != 1 {
		t.Errorf("a small batch in a file that was a segment before took %d writes, want only its own", n)
	}
}

// TestASystemThatReservesNoRoom gets zeros in all of a segment's file before its first record, and in the reserve.
func TestASystemThatReservesNoRoom(t *testing.T) {
	mem := disk.NewMem()
	j, hand := openByHand(t, Config{FS: unreserving{mem}, SegmentSize: 1 << 20})
	body := bytes.Repeat([]byte("x"), 1000)
	for range 400 {
		j.Append(1, true, body)
	}
	hand.Write()
	hand.Prepare()
	for _, name := range append(segmentsOf(t, mem), reserveName) {
		if got := int64(len(readFile(t, mem, name))); got != segmentHeaderSize+1<<20 {
			t.Errorf("%s has %d bytes", name, got)
		}
	}
	mem.SetCapacity(1) // there is room for what is written into the segments all the same
	for range 600 {
		j.Append(1, true, body)
		hand.Write()
	}
	_, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: 1 << 20})
	if len(held) != 1000 || j.Err() != nil {
		t.Errorf("%d records, %v", len(held), j.Err())
	}
}

// unreserving is a file system without a way to reserve room.
type unreserving struct{ disk.FS }

func (u unreserving) Create(name string) (disk.File, error) {
	f, err := u.FS.Create(name)
	return unreservingFile{f}, err
}

type unreservingFile struct{ disk.File }

func (unreservingFile) Preallocate(int64) (bool, error) { return false, nil }

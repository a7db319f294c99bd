package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// smallJournal returns a disk with a journal of some segments, and the bodies in it. It was killed, not closed.
func smallJournal(t testing.TB) (*disk.Mem, []Record) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, SegmentSize: 1024})
	var want []Record
	for i := range 24 {
		body := bytes.Repeat([]byte{byte('a' + i)}, 20+i*7%50)
		lsn := j.Append(Kind(i), i%2 == 0, body)
		want = append(want, Record{LSN: lsn, Kind: Kind(i), Live: i%2 == 0, Body: body})
		if i%3 == 2 {
			waitT(t, j, lsn)
		}
	}
	waitT(t, j, j.Last())
	return mem.Snapshot(), want
}

// opened returns what a damaged disk holds, after checking that all of it was appended.
func opened(t testing.TB, mem *disk.Mem, want []Record) (map[LSN]bool, Recovery, error) {
	byLSN := map[LSN]Record{}
	for _, r := range want {
		byLSN[r.LSN] = r
	}
	held := map[LSN]bool{}
	var last LSN
	j, err := Open(Config{FS: mem, SegmentSize: 1024}, func(r Record) error {
		w, ok := byLSN[r.LSN]
		if !ok || w.Kind != r.Kind || w.Live != r.Live || !bytes.Equal(w.Body, r.Body) || r.LSN <= last {
			t.Errorf("record %d %q of kind %d after %d was never appended", r.LSN, r.Body, r.Kind, last)
		}
		held[r.LSN], last = true, r.LSN
		return nil
	})
	if err != nil {
		return held, Recovery{}, err
	}
	return held, j.Recovery(), j.Close()
}

func readFile(t testing.TB, fs disk.FS, name string) []byte {
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := f.Size()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		t.Fatal(err)
	}
	return b
}

func writeAt(t testing.TB, fs disk.FS, name string, off int64, b []byte) {
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

func segmentsOf(t testing.TB, fs disk.FS) []string {
	names, err := fs.List(".")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, SegmentExt) })
}

// TestEveryFlippedBit flips each bit of a journal in turn. No flip may cost more than the one record that it is in, none may
// go unnoticed where a record is lost, and what is left must be the same at the next start.
func TestEveryFlippedBit(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 13
	}
	mem, want := smallJournal(t)
	flipBits(t, mem, want, step)
	t.Run("in files used again", func(t *testing.T) {
		mem, want := reusedJournal(t)
		flipBits(t, mem, want, 5*step)
	})
	t.Run("of version 1", func(t *testing.T) {
		mem, want := smallJournal(t)
		flipBits(t, oldVersion(t, mem), want, 13*step)
	})
}

func flipBits(t *testing.T, mem *disk.Mem, want []Record, step int) {
	for _, name := range segmentsOf(t, mem) {
		content := readFile(t, mem, name)
		for bit := 0; bit < 8*len(content); bit += step {
			if off := bit / 8; off > 64 && off < segmentHeaderSize-8 {
				continue // the header's filling
			}
			flipped := mem.Snapshot()
			writeAt(t, flipped, name, int64(bit/8), []byte{content[bit/8] ^ 1<<(bit%8)})
			held, r, err := opened(t, flipped, want)
			if err != nil {
				t.Fatalf("bit %d of %s: %v", bit, name, err)
			}
			if lost := len(want) - len(held); lost > 1 || lost == 1 && len(r.Damaged) == 0 {
				t.Fatalf("bit %d of byte %d of %s: %d records are lost, damage: %+v", bit%8, bit/8, name, lost, r.Damaged)
			}
			if again, _, err := opened(t, flipped, want); err != nil || len(again) != len(held) {
				t.Fatalf("bit %d of byte %d of %s: at the second start there are %d records instead of %d, %v", bit%8, bit/8, name, len(again), len(held), err)
			}
		}
	}
}

// TestEveryZeroedSector zeroes or scrambles each sector in turn. It costs the records that touch it, no others.
func TestEveryZeroedSector(t *testing.T) {
	mem, want := smallJournal(t)
	zeroSectors(t, mem, want)
	mem, want = reusedJournal(t)
	zeroSectors(t, mem, want)
}

func zeroSectors(t *testing.T, mem *disk.Mem, want []Record) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, name := range segmentsOf(t, mem) {
		content := readFile(t, mem, name)
		base, _ := parseSegmentName(name)
		for off := 0; off < len(content); off += 512 {
			for _, scramble := range []bool{false, true} {
				sector := make([]byte, 512)
				for i := range sector {
					if scramble {
						sector[i] = byte(rnd.Uint32())
					}
				}
				damaged := mem.Snapshot()
				writeAt(t, damaged, name, int64(off), sector)
				held, _, err := opened(t, damaged, want)
				if err != nil {
					t.Fatalf("sector at %d of %s: %v", off, name, err)
				}
				for _, r := range want {
					at := int(segmentHeaderSize + r.LSN - base)
					touched := r.LSN >= base && at < off+512 && at+recordSize(len(r.Body)) > off
					if !touched && !held[r.LSN] {
						t.Fatalf("sector at %d of %s cost record %d, which is not in it", off, name, r.LSN)
					}
				}
			}
		}
	}
}

func TestDamageIsQuarantinedAndNamed(t *testing.T) {
	mem, want := smallJournal(t)
	name := segmentsOf(t, mem)[0]
	writeAt(t, mem, name, segmentHeaderSize+recordHeaderSize+3, []byte("???"))
	raw := readFile(t, mem, name)[segmentHeaderSize:][:recordSize(len(want[0].Body))]
	var logged bytes.Buffer
	j, err := Open(Config{FS: mem.Snapshot(), SegmentSize: 1024, Logger: slog.New(slog.NewTextHandler(&logged, nil))}, func(Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	closeT(t, j)
	for _, part := range []string{"level=ERROR", "segment=" + name, fmt.Sprint("offset=", segmentHeaderSize), "quarantine=quarantine/"} {
		if !strings.Contains(logged.String(), part) {
			t.Errorf("the log does not say %q:\n%s", part, &logged)
		}
	}
	held, r, err := opened(t, mem, want)
	if err != nil || held[want[0].LSN] || len(held) != len(want)-1 || len(r.Damaged) != 1 {
		t.Fatalf("held %d of %d, %+v, %v", len(held), len(want), r, err)
	}
	d := r.Damaged[0]
	if d.Segment != name || d.Offset != segmentHeaderSize || d.LSN != want[0].LSN || !d.Synced {
		t.Errorf("damage = %+v", d)
	}
	if got := readFile(t, mem, d.Quarantine); !bytes.Equal(got, raw) {
		t.Errorf("%s holds %q, want %q", d.Quarantine, got, raw)
	}
}

func TestAMissingSegmentIsNoticed(t *testing.T) {
	mem, want := smallJournal(t)
	name := segmentsOf(t, mem)[1]
	if err := mem.Remove(name); err != nil {
		t.Fatal(err)
	}
	held, r, err := opened(t, mem, want)
	if err != nil || len(held) == 0 || len(held) >= len(want) || len(r.Damaged) != 1 {
		t.Fatalf("held %d of %d, %+v, %v", len(held), len(want), r, err)
	}
}

// TestTornTail cuts the last batch at every length.
func TestTornTail(t *testing.T) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, SegmentSize: 4096})
	sure := j.Append(1, true, []byte("sure"))
	waitT(t, j, sure)
	torn := j.Append(1, true, []byte("perhaps"))
	waitT(t, j, torn)
	image := mem.Snapshot()
	name := segmentsOf(t, image)[0]
	start := j.segment(torn).offset(torn)
	size := recordSize(len("perhaps")) + commitSize
	for keep := range size {
		cut := image.Snapshot()
		writeAt(t, cut, name, start+int64(keep), make([]byte, size-keep))
		j, held := openT(t, Config{FS: cut, SegmentSize: 4096})
		if len(held) == 0 || held[0] != "sure" || len(held) > 2 || keep == 0 && len(held) != 1 {
			t.Errorf("with %d bytes of the last batch the journal holds %q", keep, held)
		}
		if r := j.Recovery(); len(r.Damaged) != 0 || r.Clean {
			t.Errorf("with %d bytes of the last batch Recovery = %+v", keep, r)
		}
	}
}

func TestADamagedRecordIsNotRead(t *testing.T) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, SegmentSize: 4096})
	lsn := j.Append(1, true, []byte("precious"))
	waitT(t, j, lsn)
	writeAt(t, mem, segmentsOf(t, mem)[0], j.segment(lsn).offset(lsn)+recordHeaderSize, []byte("worthless"))
	var damage *DamageError
	if r, err := j.Read(lsn); !errors.As(err, &damage) || damage.LSN != lsn {
		t.Errorf("Read = %+v, %v", r, err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	mem, _ := smallJournal(t)
	name := segmentsOf(t, mem)[0]
	b := readFile(t, mem, name)[:segmentHeaderSize]
	b[8] = formatVersion + 1
	le.PutUint32(b[segmentHeaderSize-4:], checksum(b[:segmentHeaderSize-4]))
	writeAt(t, mem, name, 0, b)
	_, err := Open(Config{FS: mem}, func(Record) error { return nil })
	if err == nil {
		t.Fatal("Open succeeded")
	}
	t.Log(err)
}

// FuzzRecover opens a journal of which bytes were changed at will. It must not panic, hang, or show a record that was not appended.
func FuzzRecover(f *testing.F) {
	mem, want := smallJournal(f)
	names := segmentsOf(f, mem)
	f.Add(uint8(0), uint16(4100), []byte{1, 2, 3})
	f.Add(uint8(1), uint16(0), bytes.Repeat([]byte{0}, 4096))
	f.Add(uint8(2), uint16(5000), bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, segment uint8, off uint16, b []byte) {
		damaged := mem.Snapshot()
		writeAt(t, damaged, names[int(segment)%len(names)], int64(off), b)
		if _, _, err := opened(t, damaged, want); err != nil {
			t.Log(err)
			return
		}
		j, _ := openT(t, Config{FS: damaged, SegmentSize: 1024})
		if err := j.Wait(context.Background(), j.Append(9, true, []byte("on it goes"))); err != nil {
			t.Error(err)
		}
	})
}

// TestBytesOfAnotherFileAreNoRecords puts intact records of another journal, made for the very same addresses, behind the
// last one: as a file system might that gives out old blocks.
func TestBytesOfAnotherFileAreNoRecords(t *testing.T) {
	var disks [2]*disk.Mem
	for i := range disks {
		disks[i] = disk.NewMem()
		j, _ := openT(t, Config{FS: disks[i], SegmentSize: 4096})
		waitT(t, j, j.Append(1, true, []byte("the first record")))
		if i == 1 {
			waitT(t, j, j.Append(1, true, []byte("a record of another journal")))
		}
		disks[i] = disks[i].Snapshot()
	}
	name := segmentsOf(t, disks[0])[0]
	off := segmentHeaderSize + recordSize(len("the first record")) + commitSize
	writeAt(t, disks[0], name, int64(off), readFile(t, disks[1], name)[off:])
	_, held := openT(t, Config{FS: disks[0], SegmentSize: 4096})
	wantRecords(t, held, "the first record")
}

// zero wipes the bytes of n addresses from lsn on.
func zero(t *testing.T, j *Journal, mem *disk.Mem, lsn LSN, n int) {
	s := j.segment(lsn)
	writeAt(t, mem, s.name(), s.offset(lsn), make([]byte, n))
}

// TestWithoutItsCommitABatchCountsUpToTheFirstGap: what follows a gap, with no commit record after it, was never confirmed.
func TestWithoutItsCommitABatchCountsUpToTheFirstGap(t *testing.T) {
	mem := disk.NewMem()
	var slow atomic.Bool
	syncing, goOn := make(chan bool), make(chan bool)
	fs := disk.NewFaulty(mem, func(op disk.Op) error {
		if op.Kind == disk.OpSync && slow.CompareAndSwap(true, false) {
			syncing <- true
			<-goOn
		}
		return nil
	}, nil)
	j, _ := openT(t, Config{FS: fs, SegmentSize: 4096})
	slow.Store(true)
	j.Append(1, true, []byte("alone"))
	<-syncing
	var lsns []LSN // of one batch
	for _, body := range []string{"first", "second", "third"} {
		lsns = append(lsns, j.Append(1, true, []byte(body)))
	}
	goOn <- true
	waitT(t, j, lsns[2])
	commit := lsns[2] + LSN(recordSize(len("third")))

	torn := mem.Snapshot()
	zero(t, j, torn, commit, commitSize)
	zero(t, j, torn, lsns[1], recordSize(len("second")))
	_, held := openT(t, Config{FS: torn, SegmentSize: 4096})
	wantRecords(t, held, "alone", "first")

	flipped := mem.Snapshot()
	zero(t, j, flipped, commit, commitSize)
	_, held = openT(t, Config{FS: flipped, SegmentSize: 4096})
	wantRecords(t, held, "alone", "first", "second", "third")
}

// TestTheOnlyCommitOfTheLastSegmentIsDamaged: its batch was confirmed all the same, and is there.
func TestTheOnlyCommitOfTheLastSegmentIsDamaged(t *testing.T) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, SegmentSize: 1024})
	var want []string
	var lsn LSN
	for len(*j.segments.Load()) == 1 {
		want = append(want, fmt.Sprint("record ", len(want)))
		lsn = j.Append(1, true, []byte(want[len(want)-1]))
		waitT(t, j, lsn)
	}
	zero(t, j, mem, lsn+LSN(recordSize(len(want[len(want)-1]))), commitSize)
	_, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: 1024})
	wantRecords(t, held, want...)
}

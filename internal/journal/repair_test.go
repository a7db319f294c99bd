package journal

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// held returns what Inspect shows of a disk, and its report.
func held(t testing.TB, fs disk.FS) (map[LSN]string, Report) {
	t.Helper()
	got := map[LSN]string{}
	r, err := Inspect(fs, func(e Entry) error { got[e.LSN] = string(e.Body); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got, r
}

func repairT(t testing.TB, fs disk.FS, o RepairOptions) []Mend {
	t.Helper()
	o.Backup = "backup"
	mends, err := Repair(fs, o)
	if err != nil {
		t.Fatal(err)
	}
	return mends
}

func TestInspectCountsWhatIsThere(t *testing.T) {
	mem, want := smallJournal(t)
	var reads []int64
	n := 0
	r, err := Inspect(mem, func(e Entry) error {
		w := want[n]
		n++
		if e.LSN != w.LSN || e.Kind != w.Kind || e.Live != w.Live || !bytes.Equal(e.Body, w.Body) || e.Size != int64(recordSize(len(w.Body))) {
			t.Errorf("entry %+v, want %+v", e, w)
		}
		raw := readFile(t, mem, e.Segment)[e.Offset:][:e.Size]
		if h, ok := parseRecordHeader(raw, e.LSN); !ok || int(h.length) != len(e.Body) {
			t.Errorf("record %d is not at offset %d of %s", e.LSN, e.Offset, e.Segment)
		}
		return nil
	}, func(done, total int64) { reads = append(reads, done, total) })
	if err != nil || n != len(want) || r.Records != int64(n) || len(r.Damaged) != 0 || r.Clean || r.ID == "" {
		t.Fatalf("%d of %d entries, %+v, %v", n, len(want), r, err)
	}
	records, batches := int64(0), int64(0)
	r.Contents = slices.DeleteFunc(r.Contents, func(s SegmentReport) bool { return s.Used == 0 }) // made ahead of time
	for i, s := range r.Contents {
		for kind, k := range s.Kinds {
			if kind < ownKinds {
				records += k.Records
			}
		}
		batches += s.Batches
		if i+1 < len(r.Contents) && !s.Sealed {
			t.Errorf("segment %s has no seal", s.Name)
		}
	}
	if records != int64(len(want)) || batches == 0 || r.End != r.Contents[len(r.Contents)-1].Base+LSN(r.Contents[len(r.Contents)-1].Used) {
		t.Errorf("%d records, %d batches, %+v", records, batches, r)
	}
	if last := len(reads) - 2; last < 0 || reads[last] != reads[last+1] {
		t.Errorf("progress ended with %v", reads)
	}
}

func TestInspectChangesNothing(t *testing.T) {
	mem, _ := smallJournal(t)
	name := segmentsOf(t, mem)[0]
	writeAt(t, mem, name, segmentHeaderSize+40, []byte("???"))
	if _, err := mem.Create("0000000000001000.seg.tmp"); err != nil {
		t.Fatal(err)
	}
	before := image(t, mem)
	_, r := held(t, mem)
	if len(r.Damaged) == 0 || !slices.Contains(r.Unfinished, "0000000000001000.seg.tmp") {
		t.Errorf("report = %+v", r)
	}
	if !maps.Equal(before, image(t, mem)) {
		t.Error("the directory has changed")
	}
}

// image returns the contents of all files of a journal's directory.
func image(t testing.TB, fs disk.FS) map[string]string {
	files := map[string]string{}
	names, err := fs.List(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		files[name] = string(readFile(t, fs, name))
	}
	return files
}

func TestInspectOfAnEmptyDirectory(t *testing.T) {
	if _, err := Inspect(disk.NewMem(), nil, nil); !errors.Is(err, ErrNoJournal) {
		t.Errorf("Inspect = %v", err)
	}
	if _, err := Repair(disk.NewMem(), RepairOptions{}); !errors.Is(err, ErrNoJournal) {
		t.Errorf("Repair = %v", err)
	}
}

// damages are what can happen to a journal's files.
var damages = map[string]func(t *testing.T, mem *disk.Mem, want []Record){
	"a flipped bit in a body": func(t *testing.T, mem *disk.Mem, want []Record) {
		flip(t, mem, segmentsOf(t, mem)[0], segmentHeaderSize+recordHeaderSize+2)
	},
	"a flipped bit in a length": func(t *testing.T, mem *disk.Mem, want []Record) {
		flip(t, mem, segmentsOf(t, mem)[0], segmentHeaderSize+4)
	},
	"a zeroed sector": func(t *testing.T, mem *disk.Mem, want []Record) {
		writeAt(t, mem, segmentsOf(t, mem)[0], segmentHeaderSize+512, make([]byte, 512))
	},
	"a damaged header": func(t *testing.T, mem *disk.Mem, want []Record) {
		flip(t, mem, segmentsOf(t, mem)[1], 20)
	},
	"no header": func(t *testing.T, mem *disk.Mem, want []Record) {
		writeAt(t, mem, segmentsOf(t, mem)[0], 0, make([]byte, segmentHeaderSize))
	},
	"a segment that is cut off": func(t *testing.T, mem *disk.Mem, want []Record) {
		truncate(t, mem, segmentsOf(t, mem)[0], segmentHeaderSize+300)
	},
	"a segment that is empty": func(t *testing.T, mem *disk.Mem, want []Record) {
		truncate(t, mem, segmentsOf(t, mem)[0], 0)
	},
	"a lost seal": func(t *testing.T, mem *disk.Mem, want []Record) {
		b := readFile(t, mem, segmentsOf(t, mem)[0])
		writeAt(t, mem, segmentsOf(t, mem)[0], int64(lastNonZero(b)-commitSize), make([]byte, commitSize))
	},
	"a torn tail": func(t *testing.T, mem *disk.Mem, want []Record) {
		last := want[len(want)-1]
		name, off := place(t, mem, last.LSN)
		end := off + int64(recordSize(len(last.Body)))
		writeAt(t, mem, name, end, make([]byte, commitSize))
		writeAt(t, mem, name, end+48, []byte("what was left of a batch that was being written"))
	},
	"bytes in an empty segment": func(t *testing.T, mem *disk.Mem, want []Record) {
		names := segmentsOf(t, mem)
		writeAt(t, mem, names[len(names)-1], segmentHeaderSize+8, []byte("half a batch"))
	},
	"another journal's segment": func(t *testing.T, mem *disk.Mem, want []Record) {
		other, _ := smallJournal(t)
		b := readFile(t, other, segmentsOf(t, other)[0])
		h, _, _ := parseSegmentHeader(b)
		h.base = 1 << 40
		f, err := mem.Create(segmentName(h.base))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(append(h.bytes(), b[segmentHeaderSize:]...), 0); err != nil {
			t.Fatal(err)
		}
	},
}

// TestDamageOfEverySortIsMended damages a journal, repairs it, and finds everything there that was readable before, and no damage.
func TestDamageOfEverySortIsMended(t *testing.T) {
	for name, do := range damages {
		t.Run(name, func(t *testing.T) {
			mem, want := smallJournal(t)
			do(t, mem, want)
			damaged := mem.Snapshot()
			before := image(t, mem)
			plan := repairT(t, mem, RepairOptions{DryRun: true})
			if len(plan) == 0 || !maps.Equal(before, image(t, mem)) {
				t.Fatalf("the dry run planned %+v; it must change nothing", plan)
			}
			done := repairT(t, mem, RepairOptions{})
			if !slices.Equal(done, plan) {
				t.Errorf("planned %+v\ndone    %+v", plan, done)
			}
			for _, m := range done {
				if m.Done == "" {
					t.Errorf("not mended: %+v", m)
				}
			}
			for file, content := range before {
				if now := image(t, mem)[file]; now != content && string(readFile(t, mem, "backup/"+file)) != content {
					t.Errorf("%s was changed and is not in the backup", file)
				}
			}
			got, r := held(t, mem.Crash(1))
			if len(r.Damaged) != 0 || r.Torn != 0 {
				t.Errorf("after the repair: %+v", r)
			}
			if len(plan) == 1 && plan[0].Found == "the segment belongs to another journal" {
				_ = damaged.Remove(segmentName(1 << 40))
			}
			readable, _, err := opened(t, damaged, want)
			if err != nil || len(readable) != len(got) {
				t.Errorf("%d records were readable, %d are left, %v", len(readable), len(got), err)
			}
			for lsn := range readable {
				if _, ok := got[lsn]; !ok {
					t.Errorf("record %d is lost", lsn)
				}
			}
			again, _, err := opened(t, mem, want)
			if err != nil || !maps.Equal(again, readable) {
				t.Errorf("Open after the repair: %d records, %v", len(again), err)
			}
			if mends := repairT(t, mem, RepairOptions{}); len(mends) != 0 {
				t.Errorf("a second repair found %+v", mends)
			}
		})
	}
}

func TestAMissingSegmentCannotBeMended(t *testing.T) {
	mem, _ := smallJournal(t)
	if err := mem.Remove(segmentsOf(t, mem)[1]); err != nil {
		t.Fatal(err)
	}
	mends := repairT(t, mem, RepairOptions{})
	if len(mends) != 1 || mends[0].Done != "" {
		t.Errorf("mends = %+v", mends)
	}
}

// A file that was cut off within a record is mended as far as it goes, and what is said to be lost behind it stays lost.
func TestAMissingSegmentBehindOneThatIsCutOffCannotBeMended(t *testing.T) {
	base, _ := smallJournal(t)
	names := segmentsOf(t, base)
	for cut := range int64(400) {
		mem := base.Snapshot()
		truncate(t, mem, names[0], segmentHeaderSize+cut)
		if err := mem.Remove(names[1]); err != nil {
			t.Fatal(err)
		}
		for repairs := range 2 {
			mends := repairT(t, mem, RepairOptions{})
			if len(mends) == 0 || mends[len(mends)-1].Done != "" {
				t.Errorf("cut off at %d, repair %d: %+v", cut, repairs+1, mends)
			}
		}
	}
}

func TestARepairThatIsCutShortCanRunAgain(t *testing.T) {
	base, want := smallJournal(t)
	for _, do := range []string{"a flipped bit in a body", "no header", "a lost seal", "a torn tail"} {
		for n := 0; ; n++ {
			mem := base.Snapshot()
			damages[do](t, mem, want)
			mem = mem.Snapshot()
			readable, _, err := opened(t, mem.Snapshot(), want)
			if err != nil {
				t.Fatal(err)
			}
			hit := false
			fs := disk.NewFaulty(mem, func(op disk.Op) error {
				hit = hit || op.Index == n
				if hit {
					return errors.New("the power failed")
				}
				return nil
			}, nil)
			_, err = Repair(fs, RepairOptions{Backup: "backup"})
			if !hit {
				break
			}
			if err == nil {
				t.Fatalf("%s: operation %d failed, and Repair did not say so", do, n)
			}
			crashed := mem.Crash(uint64(n))
			if _, err := Repair(crashed, RepairOptions{Backup: "backup2"}); err != nil {
				t.Fatalf("%s: operation %d failed; then Repair = %v", do, n, err)
			}
			got, r := held(t, crashed)
			if len(got) != len(readable) || len(r.Damaged) != 0 {
				t.Fatalf("%s: operation %d failed; %d records of %d are left: %+v", do, n, len(got), len(readable), r.Damaged)
			}
		}
	}
}

// A start has written a tail anew into a segment of its own. When that goes, as nothing in it can be read, what it took the place of does not
// count again, and one repair is enough.
func TestWhatASegmentTookThePlaceOfGoesWithIt(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	for _, body := range []string{"one", "two", "three"} {
		j.Append(1, true, []byte(body))
		hand.Write()
	}
	crashed := mem.Snapshot()
	openT(t, Config{FS: disk.NewFaulty(crashed, func(op disk.Op) error {
		if op.Kind == disk.OpTruncate {
			return errors.New("the power fails before it is on the disk")
		}
		return nil
	}, nil), SegmentSize: 1024})
	on := crashed.Snapshot()
	names := segmentsOf(t, on)
	if len(names) < 3 {
		t.Fatalf("there is no segment with the tail: %v", names)
	}
	_, before := held(t, on)
	writeAt(t, on, names[1], segmentHeaderSize, bytes.Repeat([]byte("?"), int(before.Contents[1].Used)))
	readable, _ := held(t, on)
	repairT(t, on, RepairOptions{})
	if again := repairT(t, on, RepairOptions{DryRun: true}); len(again) > 0 {
		t.Errorf("a second repair finds %+v", again)
	}
	if got, _ := held(t, on); !maps.Equal(got, readable) {
		t.Errorf("before the repair there were %v, after it %v", readable, got)
	}
}

// A file that was cut off behind its seal, and whose header has gone, reaches to the next one.
func TestAHeaderMadeAnewReachesToTheNextSegment(t *testing.T) {
	mem, _ := smallJournal(t)
	name := segmentsOf(t, mem)[0]
	writeAt(t, mem, name, 0, make([]byte, segmentHeaderSize))
	truncate(t, mem, name, int64(lastNonZero(readFile(t, mem, name))+7)&^7)
	repairT(t, mem, RepairOptions{})
	if again := repairT(t, mem, RepairOptions{}); len(again) > 0 {
		t.Errorf("a second repair finds %+v", again)
	}
}

// TestRandomDamageIsMended puts random bytes in random places.
func TestRandomDamageIsMended(t *testing.T) {
	base, want := smallJournal(t)
	names := segmentsOf(t, base)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		mem := base.Snapshot()
		for range 1 + r.IntN(4) {
			b := make([]byte, 1+r.IntN(600))
			if r.IntN(2) == 0 {
				for i := range b {
					b[i] = byte(r.Uint32())
				}
			}
			name := names[r.IntN(len(names))]
			off := r.IntN(len(readFile(t, mem, name)))
			writeAt(t, mem, name, int64(off), b[:min(len(b), len(readFile(t, mem, name))-off)])
		}
		readable, before, err := opened(t, mem.Snapshot(), want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		mends := repairT(t, mem, RepairOptions{})
		got, after := held(t, mem)
		if len(got) != len(readable) || len(after.Damaged) != 0 {
			t.Fatalf("seed %d: %d of %d records are left\nbefore %+v\nmends  %+v\nafter  %+v", seed, len(got), len(readable), before.Damaged, mends, after.Damaged)
		}
	}
}

func TestRepairRefusesADirectoryInUse(t *testing.T) {
	mem := disk.NewMem()
	openT(t, Config{FS: mem, SegmentSize: 1024})
	var locked *disk.LockedError
	if _, err := Repair(mem, RepairOptions{Backup: "backup"}); !errors.As(err, &locked) {
		t.Errorf("Repair = %v", err)
	}
}

func TestRepairRefusesADiskWithoutRoom(t *testing.T) {
	mem, want := smallJournal(t)
	damages["a flipped bit in a body"](t, mem, want)
	before := image(t, mem)
	mem.SetCapacity(1)
	if _, err := Repair(mem, RepairOptions{Backup: "backup"}); !errors.Is(err, disk.ErrNoSpace) || !maps.Equal(before, image(t, mem)) {
		t.Errorf("Repair = %v", err)
	}
}

func flip(t testing.TB, mem *disk.Mem, name string, off int64) {
	writeAt(t, mem, name, off, []byte{readFile(t, mem, name)[off] ^ 1})
}

func truncate(t testing.TB, mem *disk.Mem, name string, size int64) {
	f, err := mem.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

// place returns where a record is.
func place(t testing.TB, fs disk.FS, lsn LSN) (name string, off int64) {
	_, err := Inspect(fs, func(e Entry) error {
		if e.LSN == lsn {
			name, off = e.Segment, e.Offset
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return name, off
}

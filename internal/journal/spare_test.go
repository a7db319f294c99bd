package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// formerLife fills segments with what is released at once, and has them given back: mostSpares files are kept of it.
func formerLife(t testing.TB, j *Journal, hand *Manual, body []byte) {
	t.Helper()
	var lsns []LSN
	for range 40 {
		lsns = append(lsns, j.Append(1, true, body))
	}
	for hand.Write() == Worked {
	}
	for _, lsn := range lsns {
		j.Release(lsn)
	}
	hand.rest()
	if n, _ := j.spares.held(); n != mostSpares {
		t.Fatalf("%d files are kept, want %d", n, mostSpares)
	}
}

// formers returns how many segments lie in files that were others before.
func formers(t testing.TB, mem *disk.Mem) (n int) {
	for _, name := range segmentsOf(t, mem) {
		if h, ok, err := parseSegmentHeader(readFile(t, mem, name)[:segmentHeaderSize]); ok && err == nil && h.former > 0 {
			n++
		}
	}
	return n
}

func sparesOf(t testing.TB, on disk.FS) []string {
	names, err := on.List(".")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, spareExt) })
}

// reusedJournal is smallJournal in files that were segments before.
func reusedJournal(t testing.TB) (*disk.Mem, []Record) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	former := bytes.Repeat([]byte{'Z'}, 45)
	formerLife(t, j, hand, former)
	var want []Record
	_, err := Inspect(mem, func(e Entry) error { // what is left of it in the segment that goes on
		want = append(want, Record{LSN: e.LSN, Kind: 1, Live: true, Body: former})
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		body := bytes.Repeat([]byte{byte('a' + i)}, 20+i*7%50)
		lsn := j.Append(Kind(i), i%2 == 0, body)
		want = append(want, Record{LSN: lsn, Kind: Kind(i), Live: i%2 == 0, Body: body})
		if i%3 == 2 {
			hand.Write()
		}
	}
	for hand.Write() == Worked {
	}
	if n := formers(t, mem); n != mostSpares {
		t.Fatalf("%d segments lie in files that were others before, want %d", n, mostSpares)
	}
	return mem.Snapshot(), want
}

// oldVersion returns a journal as an earlier version of the format would have it.
func oldVersion(t testing.TB, mem *disk.Mem) *disk.Mem {
	old := mem.Snapshot()
	for _, name := range segmentsOf(t, mem) {
		b := readFile(t, old, name)
		h, ok, err := parseSegmentHeader(b)
		if !ok || err != nil {
			t.Fatal(err)
		}
		salt := h.salt & saltMaskOfOld
		for sc := newScanner(b[segmentHeaderSize:], h.base, h.salt, true); sc.next(); {
			r, _ := sc.header(int(sc.lsn - h.base))
			r.salt = salt
			r.put(sc.raw)
			sc.salt = h.salt
		}
		le.PutUint32(b[8:], oldestVersion)
		le.PutUint64(b[32:], 0x1234567800000000|salt)
		le.PutUint32(b[segmentHeaderSize-4:], checksum(b[:segmentHeaderSize-4]))
		writeAt(t, old, name, 0, b)
	}
	return old
}

func TestAJournalOfAnEarlierVersionGoesOn(t *testing.T) {
	mem, want := smallJournal(t)
	old := oldVersion(t, mem)
	for range 3 {
		held, r, err := opened(t, old, want)
		if err != nil || len(held) != len(want) || len(r.Damaged) != 0 {
			t.Fatalf("%d of %d records, %+v, %v", len(held), len(want), r, err)
		}
		old = old.Snapshot()
	}
	j, _ := openT(t, Config{FS: old, SegmentSize: 1024})
	for _, w := range want {
		if r, err := j.Read(w.LSN); err != nil || !bytes.Equal(r.Body, w.Body) {
			t.Errorf("Read(%d) = %q, %v", w.LSN, r.Body, err)
		}
	}
}

// TestFilesAreUsedAgain: a busy journal makes no new ones, whoever carries on with it, and no start takes old records for its own.
func TestFilesAreUsedAgain(t *testing.T) {
	mem := disk.NewMem()
	created := 0
	faulty := disk.NewFaulty(mem, nil, func(op disk.Op) {
		if op.Kind == disk.OpCreate && strings.HasSuffix(op.Name, SegmentExt+tmpExt) {
			created++
		}
	})
	var needed []LSN
	for range 3 {
		created = 0
		j, hand := byHand(t, faulty)
		for _, lsn := range needed {
			j.Release(lsn)
		}
		for range 200 {
			lsn := j.Append(1, true, bytes.Repeat([]byte("message "), 20))
			hand.Write()
			hand.Prepare()
			j.Release(lsn)
			hand.rest()
		}
		for hand.Write() == Worked {
		}
		if created > 4 {
			t.Errorf("%d files were made for %d bytes of records", created, j.Stats().AppendedBytes)
		}
		if n := len(sparesOf(t, mem)); n > mostSpares {
			t.Errorf("%d files are kept", n)
		}
		needed = nil
		r, err := Inspect(mem, func(e Entry) error { needed = append(needed, e.LSN); return nil }, nil)
		if err != nil || len(r.Damaged) > 0 || r.Torn > 0 || len(r.Spare) != len(sparesOf(t, mem)) {
			t.Errorf("beside it: %+v, %v", r, err)
		}
		closeT(t, j)
		if r, err := Inspect(mem, nil, nil); err != nil || !r.Clean || len(r.Damaged) > 0 || r.Torn > 0 {
			t.Errorf("after it: %+v, %v", r, err)
		}
		if mends := repairT(t, mem, RepairOptions{}); len(mends) > 0 {
			t.Errorf("there is nothing to mend: %+v", mends)
		}
	}
}

// TestATornBatchInAFileUsedAgain has every length of a batch reach the disk. Behind it lie the records of the file's former life, whole.
func TestATornBatchInAFileUsedAgain(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	formerLife(t, j, hand, bytes.Repeat([]byte{'Z'}, 36)) // a record of 64 bytes
	for len(segmentsOf(t, mem)) == 1 {
		j.Append(2, false, make([]byte, 100))
		hand.Write()
	}
	j.Append(1, true, []byte("sure"))
	hand.Write()
	before := mem.Snapshot()
	torn := j.Append(1, true, []byte("perhaps"))
	hand.Write()
	s := j.segment(torn)
	stale, fresh := readFile(t, before, s.name()), readFile(t, mem, s.name())
	start, size := int(s.offset(torn)), recordSize(len("perhaps"))+commitSize
	if lastNonZero(stale) < start+size {
		t.Fatal("nothing of a former life lies behind the records")
	}
	for keep := range size + 1 {
		cut := before.Snapshot()
		writeAt(t, cut, s.name(), int64(start), fresh[start:start+keep])
		report, err := Inspect(cut, nil, nil)
		if err != nil || len(report.Damaged) > 0 {
			t.Errorf("with %d bytes of the last batch: %+v, %v", keep, report, err)
		}
		j, held := openT(t, Config{FS: cut, SegmentSize: 1024})
		i := slices.Index(held, "sure")
		if rest := held[i+1:]; i < 0 || len(rest) > 1 || len(rest) == 1 && rest[0] != "perhaps" || keep == size && len(rest) == 0 {
			t.Errorf("with %d bytes of the last batch the journal holds %q", keep, held)
		}
		if r := j.Recovery(); len(r.Damaged) != 0 || r.Clean {
			t.Errorf("with %d bytes of the last batch Recovery = %+v", keep, r)
		}
	}
}

// TestAForgedRecordInAFormerLife: whoever publishes may put into a body what will be a record of the file's next life, with its
// address; but the salt of that life cannot be known. Here all of it is right but a bit.
func TestAForgedRecordInAFormerLife(t *testing.T) {
	for bit := range 48 {
		mem := disk.NewMem()
		j, hand := byHand(t, mem)
		const size = 1024
		next := j.tail.end() + 3*size // the bases of segments can be told
		salt := j.salt(next) ^ 1<<bit
		at := LSN(recordSize(100) + commitSize) // behind the first batch there, which fillSegment leaves
		forged := make([]byte, recordSize(5)+commitSize)
		h := recordHeader{length: 5, kind: 1, salt: salt, lsn: next + at, bodyCRC: checksum([]byte("mine!"))}
		h.put(forged)
		copy(forged[recordHeaderSize:], "mine!")
		mark := commit{durableUpTo: next + at, start: next + at, records: 1}
		mark.put(forged[recordSize(5):], next+at+LSN(recordSize(5)), salt)
		// As if it had been the body of a message, in a file that then became the segment at next.
		file, err := mem.Create(spare{8, size}.name())
		if err != nil {
			t.Fatal(err)
		}
		header := segmentHeader{id: j.id, salt: 1, base: 8, capacity: size}
		old := append(header.bytes(), make([]byte, size)...)
		copy(old[segmentHeaderSize+at:], forged)
		if _, err := file.WriteAt(old, 0); err != nil {
			t.Fatal(err)
		}
		for j.tail.base < next {
			fillSegment(j, hand)
			if j.tail.end() == next {
				j.spares.add(spare{8, size})
			}
		}
		if j.next != next+at || formers(t, mem) != 1 {
			t.Fatalf("the journal goes on at %d, not %d, and %d files were used again", j.next, next+at, formers(t, mem))
		}
		_, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: size})
		if slices.Contains(held, "mine!") {
			t.Errorf("with a salt that differs in bit %d the forged record is taken for one", bit)
		}
	}
}

// TestOnlyFilesThatLayBelowAreUsedAgain: a start removes those of which it is not certain.
func TestOnlyFilesThatLayBelowAreUsedAgain(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	formerLife(t, j, hand, make([]byte, 50))
	kept := sparesOf(t, mem)
	oldest := (*j.segments.Load())[0].base
	closeT(t, j)
	content := readFile(t, mem, kept[0])
	with := func(change func(h *segmentHeader), size int64, name string) func(*disk.Mem) {
		return func(m *disk.Mem) {
			h, _, err := parseSegmentHeader(content)
			if err != nil {
				t.Fatal(err)
			}
			change(&h)
			_ = m.Remove(kept[0])
			_ = m.Remove(kept[1])
			f, err := m.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			b := append(h.bytes(), content[segmentHeaderSize:]...)
			if _, err := f.WriteAt(b[:size], 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := int64(len(content))
	for _, story := range []struct {
		what string
		make func(*disk.Mem)
		want int
	}{
		{"as they were left", func(*disk.Mem) {}, 2},
		{"one as it was left", with(func(*segmentHeader) {}, size, kept[0]), 1},
		{"of another journal", with(func(h *segmentHeader) { h.id[0]++ }, size, kept[0]), 0},
		{"on its way to another segment", with(func(h *segmentHeader) { h.base = oldest }, size, kept[0]), 0},
		{"not below what there is", with(func(h *segmentHeader) { h.base = oldest }, size, spare{base: oldest}.name()), 0},
		{"too short", with(func(*segmentHeader) {}, size-512, kept[0]), 0},
		{"of a strange name", with(func(*segmentHeader) {}, size, "my"+spareExt), 0},
		{"beside no journal", func(m *disk.Mem) {
			for _, name := range segmentsOf(t, m) {
				_ = m.Remove(name)
			}
		}, 0},
		{"too many", func(m *disk.Mem) {
			for base := LSN(8); base < 80; base += 8 {
				with(func(h *segmentHeader) { h.base = base }, size, spare{base: base}.name())(m)
			}
		}, 2},
	} {
		after := mem.Snapshot()
		story.make(after)
		j, _ := byHand(t, after)
		// The first segment of a run may be made of one.
		kept, _ := j.spares.held()
		if n := kept + formers(t, after); n != story.want || len(sparesOf(t, after)) != kept {
			t.Errorf("%s: %d are kept or used, want %d; there are %q", story.what, n, story.want, sparesOf(t, after))
		}
	}
}

func TestAFullDiskTakesTheSpareFiles(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	formerLife(t, j, hand, make([]byte, 50))
	mem.SetCapacity(0)
	large := j.Append(1, true, make([]byte, 3000)) // it fits into no spare
	hand.Write()
	hand.Write()
	if left := sparesOf(t, mem); len(left) != 0 {
		t.Errorf("the disk is full, and %q are kept", left)
	}
	mem.SetCapacity(1 << 40)
	for j.Durable() < large {
		if hand.Write() == Over {
			t.Fatal(j.Err())
		}
	}
}

// TestLookingBesideAJournalThatUsesFilesAgain reads segments whose files become others meanwhile. They were no longer needed: there is no damage.
func TestLookingBesideAJournalThatUsesFilesAgain(t *testing.T) {
	for n := 0; ; n++ {
		mem := disk.NewMem()
		j, hand := byHand(t, mem)
		var lsns []LSN
		for len(segmentsOf(t, mem)) < 4 {
			lsns = append(lsns, j.Append(1, true, make([]byte, 100)))
			hand.Write()
		}
		hit := false
		view := disk.NewFaulty(mem, func(op disk.Op) error {
			if op.Index != n {
				return nil
			}
			hit = true
			for _, lsn := range lsns {
				j.Release(lsn)
			}
			for range 3 {
				fillSegment(j, hand)
				hand.rest()
			}
			return nil
		}, nil)
		r, err := Inspect(view, nil, nil)
		if errors.Is(err, ErrNoJournal) || errors.Is(err, fs.ErrNotExist) {
			err = nil // it was all gone
		}
		if err != nil || slices.ContainsFunc(r.Damaged, func(d Damage) bool { return !strings.Contains(d.Reason, "missing") }) {
			t.Fatalf("when it happened before operation %d: %+v, %v", n, r.Damaged, err)
		}
		if !hit {
			if n < 10 {
				t.Error(fmt.Sprint("only ", n, " moments"))
			}
			return
		}
	}
}

// TestASegmentIsAsLargeAsTheFileThatIsUsedAgain: no new file is made for one that would have been larger.
func TestASegmentIsAsLargeAsTheFileThatIsUsedAgain(t *testing.T) {
	mem := disk.NewMem()
	hand := &Manual{Random: func(b []byte) { b[0] = 1 }}
	hand.Yield = func() { hand.Write() }
	j, _ := openT(t, Config{FS: mem, SegmentSize: 4096, Manual: hand})
	f := spare{base: 8, capacity: 1024}
	h := segmentHeader{id: j.id, salt: 1, base: f.base, capacity: f.capacity}
	if _, err := writeFile(mem, f.name(), h, nil, f.size()); err != nil {
		t.Fatal(err)
	}
	j.spares.add(f)
	var want []string
	for len(want) < 20 || len(segmentsOf(t, mem)) < 4 {
		want = append(want, fmt.Sprintf("record %d of %500d", len(want), 0))
		j.Append(1, true, []byte(want[len(want)-1]))
		hand.Write()
		hand.Prepare()
	}
	for hand.Write() == Worked {
	}
	list := *j.segments.Load()
	if list[1].capacity != 1024 || list[2].base != list[1].end() || list[2].capacity != 4096 || formers(t, mem) != 1 {
		t.Errorf("after a spare file of 1024 the segments are of %d, %d and %d", list[0].capacity, list[1].capacity, list[2].capacity)
	}
	_, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: 4096})
	wantRecords(t, held, want...)
}

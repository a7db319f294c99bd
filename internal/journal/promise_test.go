package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// byHand opens a journal of small segments that does nothing by itself. Whoever waits for it has it write.
func byHand(t testing.TB, on disk.FS) (*Journal, *Manual) {
	t.Helper()
	return openByHand(t, Config{FS: on, SegmentSize: 1024})
}

func openByHand(t testing.TB, cfg Config) (*Journal, *Manual) {
	t.Helper()
	hand := &Manual{Random: func(b []byte) { b[0] = 1 }}
	hand.Yield = func() { hand.Write() }
	cfg.Manual = hand
	j, _ := openT(t, cfg)
	return j, hand
}

// fillSegment appends what nobody needs until another segment is begun, and has it written.
func fillSegment(j *Journal, hand *Manual) {
	for before := len(*j.segments.Load()); len(*j.segments.Load()) == before; {
		j.Append(2, false, make([]byte, 100))
	}
	for hand.Write() == Worked {
	}
}

// rest has the reclaimer do all that it can without anything being written.
func (m *Manual) rest() {
	for range 100 {
		if m.Reclaim() == Idle {
			return
		}
	}
}

func TestNothingIsAnnouncedBeforeItsSync(t *testing.T) {
	mem := disk.NewMem()
	var j *Journal
	var announced []LSN // at each sync
	j, hand := byHand(t, disk.NewFaulty(mem, func(op disk.Op) error {
		if j != nil && op.Kind == disk.OpSync {
			announced = append(announced, j.Durable())
		}
		return nil
	}, nil))
	for i := range 3 {
		announced = nil
		lsn := j.Append(1, true, []byte("a record"))
		hand.Write()
		if len(announced) != 1 || announced[0] >= lsn || j.Durable() < lsn {
			t.Errorf("batch %d: %d was announced at its syncs, %d after them; the record is %d", i, announced, j.Durable(), lsn)
		}
	}
}

// A commit record says up to where all had been synced when it was written: up to its own batch, and not beyond.
func TestACommitRecordSpeaksOfThePast(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	for range 3 {
		j.Append(1, true, []byte("a record"))
		hand.Write()
	}
	s := (*j.segments.Load())[0]
	commits := 0
	for sc := newScanner(readFile(t, mem, s.name())[segmentHeaderSize:], s.base, s.salt, true); sc.next(); {
		if c, ok := sc.commit(); ok {
			commits++
			if c.durableUpTo != c.start {
				t.Errorf("the commit record of the batch at %d says that %d had been synced", c.start, c.durableUpTo)
			}
		}
	}
	if commits != 3 {
		t.Errorf("%d commit records", commits)
	}
}

// After a sync that failed, the system's cache may show what never came to the disk. What a start has shown is there at the next.
func TestWhatOnlyTheCacheHasIsWrittenAnew(t *testing.T) {
	mem := disk.NewMem()
	broken := false
	j, hand := byHand(t, disk.NewFaulty(mem, func(op disk.Op) error {
		if broken && op.Kind == disk.OpSync {
			return syscall.EIO
		}
		return nil
	}, nil))
	j.Append(1, true, []byte("sure"))
	hand.Write()
	broken = true
	j.Append(1, true, []byte("in the cache"))
	hand.Write()
	_ = j.Close()
	_, held := openT(t, Config{FS: mem, SegmentSize: 1024})
	wantRecords(t, held, "sure", "in the cache")
	for seed := range uint64(10) {
		_, held := openT(t, Config{FS: mem.Crash(seed), SegmentSize: 1024})
		wantRecords(t, held, "sure", "in the cache")
	}
}

func TestANewSegmentIsFoundAfterACrash(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	for range 3 {
		fillSegment(j, hand)
	}
	waitT(t, j, j.Append(1, true, []byte("in the newest")))
	for seed := range uint64(20) {
		after, held := openT(t, Config{FS: mem.Crash(seed), SegmentSize: 1024})
		if len(held) == 0 || held[len(held)-1] != "in the newest" || len(after.Recovery().Damaged) > 0 {
			t.Fatalf("seed %d: %d records, %+v", seed, len(held), after.Recovery())
		}
	}
}

func TestASegmentStaysUntilItsSuccessorsAreSafe(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	old := j.Append(1, true, []byte("old"))
	fillSegment(j, hand)
	oldest := segmentsOf(t, mem)[0]

	j.Append(1, true, []byte("new"))
	j.Release(old)
	hand.rest()
	if segmentsOf(t, mem)[0] != oldest {
		t.Error("the old record is gone, and the new one is not written")
	}
	hand.Write()
	hand.rest()
	if segmentsOf(t, mem)[0] == oldest {
		t.Error("the old record is still there, and the new one is written")
	}
}

// What says that a message was settled stays for as long as the message might be read. Of two segments that go, the older is gone
// for good before the newer goes.
func TestSegmentsGoFromTheOldestEndOnly(t *testing.T) {
	mem := disk.NewMem()
	var done []string
	j, hand := byHand(t, disk.NewFaulty(mem, nil, func(op disk.Op) {
		switch {
		case (op.Kind == disk.OpRemove || op.Kind == disk.OpRename) && strings.HasSuffix(op.Name, SegmentExt):
			done = append(done, "remove")
		case op.Kind == disk.OpSyncDir:
			done = append(done, "sync")
		}
	}))
	message := j.Append(1, true, []byte("message"))
	fillSegment(j, hand)
	passing := j.Append(1, true, []byte("passing"))
	j.Append(2, false, []byte("settled"))
	fillSegment(j, hand)
	fillSegment(j, hand)
	j.Release(passing)
	before := len(segmentsOf(t, mem))
	done = nil
	hand.rest()
	if n := len(segmentsOf(t, mem)); n != before {
		t.Errorf("%d segments are left of %d although the oldest is needed", n, before)
	}
	j.Release(message)
	hand.rest()
	if got := fmt.Sprint(done); len(done) < 4 || got != fmt.Sprint(strings.Fields(strings.Repeat("remove sync ", len(done)/2))) {
		t.Errorf("the segments went by %s", got)
	}
}

func TestADamagedRecordIsNotReadThroughAWindow(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	lsns := []LSN{j.Append(1, true, []byte("intact")), j.Append(1, true, []byte("precious"))}
	hand.Write()
	writeAt(t, mem, segmentsOf(t, mem)[0], j.segment(lsns[1]).offset(lsns[1])+recordHeaderSize, []byte("worthles"))
	ws := j.NewWindows()
	if r, err := ws.Read(lsns[0], nil); err != nil || string(r.Body) != "intact" {
		t.Errorf("Read = %q, %v", r.Body, err)
	}
	var damage *DamageError
	if r, err := ws.Read(lsns[1], nil); !errors.As(err, &damage) || damage.LSN != lsns[1] {
		t.Errorf("Read = %q, %v", r.Body, err)
	}
}

// checkpointed is a journal of some segments that was closed with a checkpoint.
func checkpointed(t *testing.T, known string) (j *Journal, mem *disk.Mem, segments []string) {
	t.Helper()
	mem = disk.NewMem()
	j, hand := byHand(t, mem)
	fillSegment(j, hand)
	fillSegment(j, hand)
	j.Append(2, false, []byte("last"))
	c := j.NewCheckpoint()
	c.Body = []byte(known)
	if err := j.CloseWith(c); err != nil {
		t.Fatal(err)
	}
	return j, mem, segmentsOf(t, mem)
}

// A checkpoint holds for the very files it was written for, and for their very end.
func TestACheckpointOfOtherFiles(t *testing.T) {
	_, mem, names := checkpointed(t, "what is known")
	oldest, newest := names[0], names[len(names)-1]
	for what, change := range map[string]func(*disk.Mem){
		"nothing": func(*disk.Mem) {},
		"the salt": func(m *disk.Mem) {
			h, _, err := parseSegmentHeader(readFile(t, m, oldest)[:segmentHeaderSize])
			if err != nil {
				t.Fatal(err)
			}
			h.salt++
			writeAt(t, m, oldest, 0, h.bytes())
		},
		"the end": func(m *disk.Mem) {
			b := readFile(t, m, newest)
			b = b[:lastNonZero(b)]
			at := int64(bytes.LastIndex(b, []byte("last")) + 8) // the commit record of its batch, or of the end
			writeAt(t, m, newest, at, make([]byte, int64(len(b))-at))
		},
	} {
		image := mem.Snapshot()
		change(image)
		after, err := Open(Config{FS: image, SegmentSize: 1024, Restore: func([]byte) error { return nil }}, func(Record) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if resumed := after.Recovery().Resumed; resumed != (what == "nothing") {
			t.Errorf("%s is another: resumed %v", what, resumed)
		}
		if _, err := image.Open(checkpointName); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is another: the checkpoint is still there: %v", what, err)
		}
		closeT(t, after)
	}
}

// What a checkpoint tells of the journal's end tells, too, what has gone since: without it a file that was cut off looks like one that was being written.
func TestWhatIsMissingSinceACloseIsTold(t *testing.T) {
	t.Run("the next start need not read all", func(t *testing.T) { whatIsMissingIsTold(t, "what is known") })
	t.Run("it reads all", func(t *testing.T) { whatIsMissingIsTold(t, "") })
}

func whatIsMissingIsTold(t *testing.T, known string) {
	j, mem, names := checkpointed(t, known)
	oldest, newest := names[0], names[len(names)-1]
	end := int(j.segment(j.finished - commitSize).offset(j.finished))
	last := bytes.LastIndex(readFile(t, mem, newest), []byte("last"))
	cut := func(m *disk.Mem, at int) {
		f, err := m.Open(newest)
		if err == nil {
			err = errors.Join(f.Truncate(int64(at)), f.Sync())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	remove := func(m *disk.Mem, names ...string) {
		for _, name := range names {
			if err := errors.Join(m.Remove(name), m.SyncDir(".")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, c := range map[string]struct {
		change func(*disk.Mem)
		told   []string // segments
	}{
		"nothing":                      {change: func(*disk.Mem) {}},
		"the last commit record":       {change: func(m *disk.Mem) { cut(m, end-commitSize) }},
		"the newest file's end":        {change: func(m *disk.Mem) { cut(m, last) }, told: []string{newest}},
		"the newest file's records":    {change: func(m *disk.Mem) { cut(m, segmentHeaderSize) }, told: []string{newest}},
		"the newest file":              {change: func(m *disk.Mem) { remove(m, newest) }, told: []string{names[len(names)-2]}},
		"the oldest file":              {change: func(m *disk.Mem) { remove(m, oldest) }, told: []string{oldest}},
		"all files":                    {change: func(m *disk.Mem) { remove(m, names...) }, told: names},
		"all files and the checkpoint": {change: func(m *disk.Mem) { remove(m, append([]string{checkpointName}, names...)...) }},
	} {
		t.Run(what, func(t *testing.T) {
			image := mem.Snapshot()
			c.change(image)
			said := func(damaged []Damage) (got []string) {
				for _, d := range damaged {
					if !d.Synced || d.Length != 0 || !strings.Contains(d.Reason, "missing") {
						t.Errorf("%+v", d)
					}
					got = append(got, d.Segment)
				}
				return got
			}
			if len(segmentsOf(t, image)) > 0 {
				if _, report := held(t, image); !slices.Equal(said(report.Damaged), c.told) || len(c.told) > 0 && report.Clean {
					t.Errorf("Inspect tells of %+v, clean %v", report.Damaged, report.Clean)
				}
				told := 0
				for _, m := range repairT(t, image.Snapshot(), RepairOptions{}) {
					if m.Done == "" {
						told++
					}
				}
				if told != len(c.told) {
					t.Errorf("Repair says of %d that it cannot be mended, want %d", told, len(c.told))
				}
			}
			for _, want := range [][]string{c.told, nil} { // it is told once
				after, err := Open(Config{FS: image, SegmentSize: 1024, Restore: func([]byte) error { return nil }}, func(Record) error { return nil })
				if err != nil {
					t.Fatal(err)
				}
				if r := after.Recovery(); len(said(r.Damaged)) != len(want) || r.Holes != len(want) || len(want) > 0 && r.Clean {
					t.Errorf("Open tells of %+v, want %v; holes %d, clean %v", r.Damaged, want, r.Holes, r.Clean)
				} else if r.Resumed && known == "" {
					t.Error("nothing was read")
				}
				closeT(t, after)
			}
		})
	}
}

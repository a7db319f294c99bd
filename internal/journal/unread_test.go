package journal

import (
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// unreadable lets no read of the named files succeed.
func unreadable(fs disk.FS, names ...string) disk.FS {
	return disk.NewFaulty(fs, func(op disk.Op) error {
		for _, name := range names {
			if op.Kind == disk.OpRead && op.Name == name {
				return syscall.EIO
			}
		}
		return nil
	}, nil)
}

func TestADiskThatCannotBeReadIsNotTakenForAnEmptyOne(t *testing.T) {
	mem, want := smallJournal(t)
	before := image(t, mem)
	maps.DeleteFunc(before, func(name, _ string) bool { return strings.HasSuffix(name, tmpExt) }) // what was being made holds nothing
	_, err := Open(Config{FS: unreadable(mem, segmentsOf(t, mem)...), SegmentSize: 1024}, func(Record) error { return nil })
	if err == nil {
		t.Fatal("a journal opened of which nothing could be read")
	}
	for _, word := range []string{segmentsOf(t, mem)[0], "offset 4096", "input/output error", "postrider journal repair"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if !maps.Equal(before, image(t, mem)) {
		t.Error("the directory was changed")
	}
	if held, _, err := opened(t, mem, want); err != nil || len(held) != len(want) {
		t.Errorf("when it can be read again: %d of %d records, %v", len(held), len(want), err)
	}
}

// One segment cannot be read for a while: the journal opens and names what it lacks, or does not open and lacks nothing.
func TestASegmentThatCannotBeRead(t *testing.T) {
	refused := 0
	for i, name := range segmentNames(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			mem, want := smallJournal(t)
			j, err := Open(Config{FS: unreadable(mem, name), SegmentSize: 1024}, func(Record) error { return nil })
			if err != nil {
				refused++
				if held, _, err := opened(t, mem, want); err != nil || len(held) != len(want) {
					t.Errorf("when it can be read again: %d of %d records, %v", len(held), len(want), err)
				}
				return
			}
			if r := j.Recovery(); len(r.Damaged) == 0 && r.Records < int64(len(want)) {
				t.Errorf("%d of %d records, and no damage: %+v", r.Records, len(want), r)
			}
			closeT(t, j)
		})
	}
	if refused == 0 {
		t.Error("no start was refused, not even without the newest segment")
	}
}

func segmentNames(t *testing.T) []string {
	mem, _ := smallJournal(t)
	return segmentsOf(t, mem)
}

func TestRepairGivesUpWhatCannotBeReadAtTheEnd(t *testing.T) {
	mem, want := smallJournal(t)
	names := segmentsOf(t, mem)
	failing := unreadable(mem, names[len(names)-2:]...)
	plan := repairT(t, failing, RepairOptions{DryRun: true})
	done := repairT(t, failing, RepairOptions{})
	if len(plan) == 0 || fmt.Sprint(plan) != fmt.Sprint(done) {
		t.Errorf("planned %+v, done %+v", plan, done)
	}
	held, _, err := opened(t, mem, want)
	if err != nil || len(held) == 0 || len(held) == len(want) {
		t.Errorf("after the repair: %d of %d records, %v", len(held), len(want), err)
	}
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// TestFaultAtEveryOperation fails each single operation on the disk in turn, in two ways: as a broken disk and as a full one. A
// failing write writes half of it; what a failing sync was to make safe can still be read but never gets to the disk.
//
// Afterwards the process starts again on the same disk, and after that the power is cut.
func TestFaultAtEveryOperation(t *testing.T) {
	for _, fault := range []error{syscall.EIO, disk.ErrNoSpace, disk.ErrNoFiles} {
		t.Run(fault.Error(), func(t *testing.T) {
			step := 1
			if testing.Short() {
				step = 7
			}
			for n := 0; !t.Failed(); n += step {
				hit := false
				synctest.Test(t, func(t *testing.T) { hit = faultRun(t, n, fault) })
				if !hit {
					t.Logf("%d operations failed in turn", n)
					return
				}
			}
		})
	}
}

func faultRun(t *testing.T, n int, fault error) (hit bool) {
	mem, l := disk.NewMem(), newLedger()
	var failed disk.Op
	fs := disk.NewFaulty(mem, func(op disk.Op) error {
		if op.Index != n {
			return nil
		}
		hit, failed = true, op
		return fault
	}, nil)
	runUntilFailure(t, l, fs)
	l.confirm()

	// The process starts again: it sees what the system's cache has.
	if l.j != nil {
		l.j = nil
	}
	if err := l.open(mem); err != nil {
		t.Fatalf("operation %d (%s %s) failed with %v; at the next start: %v", n, failed.Kind, failed.Name, fault, err)
	}
	crashed, after := mem.Crash(uint64(n)), l.copy()
	_ = l.j.Close()
	if err := after.open(crashed); err != nil {
		t.Fatalf("operation %d (%s %s) failed with %v; after a start and a power failure: %v", n, failed.Kind, failed.Name, fault, err)
	}
	_ = after.j.Close()
	return hit
}

// runUntilFailure opens, uses and closes a journal twice, as far as it goes.
func runUntilFailure(t *testing.T, l *ledger, fs disk.FS) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2 {
		l.j = nil
		if err := l.open(fs); err != nil {
			return
		}
		err := l.work(r, 40)
		l.confirm()
		if cause := l.j.Err(); cause != nil {
			lsn := l.append(10, true)
			if werr := l.j.Wait(context.Background(), lsn); !errors.Is(werr, cause) || lsn <= l.j.Durable() {
				t.Errorf("after the failure %v, Wait = %v", cause, werr)
			}
		} else if err != nil {
			t.Errorf("work ended with %v and the journal is well", err)
		}
		if l.j.Close() != nil {
			return
		}
		l.confirmAll()
	}
}

func TestAFailedSyncIsTheEnd(t *testing.T) {
	mem := disk.NewMem()
	broken := false
	fs := disk.NewFaulty(mem, func(op disk.Op) error {
		if broken && op.Kind == disk.OpSync {
			broken = false // the next sync would succeed
			return syscall.EIO
		}
		return nil
	}, nil)
	var failures []error
	j, _ := openT(t, Config{FS: fs, OnFailure: func(err error) { failures = append(failures, err) }})
	waitT(t, j, j.Append(1, true, []byte("safe")))
	safe := j.Durable()
	broken = true
	lost := j.Append(1, true, []byte("lost"))
	if err := j.Wait(context.Background(), lost); !errors.Is(err, syscall.EIO) {
		t.Errorf("Wait after the sync failed = %v, want EIO", err)
	}
	if err := j.Wait(context.Background(), j.Append(1, true, []byte("late"))); !errors.Is(err, syscall.EIO) {
		t.Errorf("Wait for a later record = %v, want EIO", err)
	}
	if j.Durable() != safe || !errors.Is(j.Err(), syscall.EIO) {
		t.Errorf("Durable = %d (was %d), Err = %v", j.Durable(), safe, j.Err())
	}
	if err := j.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close = %v, want EIO", err)
	}
	if len(failures) != 1 {
		t.Errorf("OnFailure was called %d times: %v", len(failures), failures)
	}
}

func TestTheLastSyncFails(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncInterval, SyncNone} {
		var broken atomic.Bool
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if op.Kind == disk.OpSync && broken.Load() {
				return syscall.EIO
			}
			return nil
		}, nil)
		j, _ := openT(t, Config{FS: fs, Sync: mode, SyncPeriod: time.Hour})
		waitT(t, j, j.Append(1, true, []byte("something")))
		broken.Store(true)
		if err := j.Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("mode %d: Close = %v, want EIO", mode, err)
		}
	}
}

// What was there when the journal was closed is said only by a journal that knows: here a segment has left its name, and it is not known for how long.
func TestADirectoryThatCannotBeSyncedDuringTheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		var broken atomic.Bool
		fs := disk.NewFaulty(mem, func(op disk.Op) error {
			if op.Kind == disk.OpSyncDir && broken.Swap(false) {
				time.Sleep(time.Second) // until nothing else is left of the close
				return syscall.EIO
			}
			return nil
		}, nil)
		j, _ := openT(t, Config{FS: fs, SegmentSize: 8192})
		var all []LSN
		for range 400 {
			all = append(all, j.Append(1, true, make([]byte, 100)))
		}
		waitT(t, j, all[len(all)-1])
		synctest.Wait()
		broken.Store(true)
		for _, lsn := range all[:100] {
			j.Release(lsn)
		}
		synctest.Wait()
		if err := j.Close(); !errors.Is(err, syscall.EIO) {
			t.Errorf("Close = %v, want EIO", err)
		}
		again, _ := openT(t, Config{FS: mem, SegmentSize: 8192})
		if r := again.Recovery(); len(r.Damaged) > 0 {
			t.Errorf("a closed journal lacks %+v", r.Damaged)
		}
	})
}

func TestAFullDiskStallsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		told := make(chan bool, 100)
		j, _ := openT(t, Config{FS: mem, SegmentSize: 8192, OnFull: func(why error) { told <- why != nil }})
		var want []string
		var last LSN
		mem.SetCapacity(segmentHeaderSize + 8192)
		for i := range 400 {
			want = append(want, fmt.Sprint("record ", i))
			last = j.Append(1, true, []byte(want[i]))
		}
		if !<-told {
			t.Error("OnFull(false) before OnFull(true)")
		}
		synctest.Wait()
		if j.Durable() >= last || j.Err() != nil || !j.Stats().Full {
			t.Errorf("Durable = %d of %d, Err = %v, Stats = %+v", j.Durable(), last, j.Err(), j.Stats())
		}
		mem.SetCapacity(1 << 40)
		waitT(t, j, last)
		if <-told {
			t.Error("OnFull(true) although there is room")
		}
		closeT(t, j)
		_, held := openT(t, Config{FS: mem, SegmentSize: 8192})
		wantRecords(t, held, want...)
	})
}

func TestAFailedSyncOfTheDirectoryIsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := false
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if broken && op.Kind == disk.OpSyncDir {
				return syscall.EIO
			}
			return nil
		}, nil)
		j, _ := openT(t, Config{FS: fs, SegmentSize: 4096})
		broken = true
		for range 50 {
			j.Append(1, true, make([]byte, 100))
		}
		synctest.Wait()
		if !errors.Is(j.Err(), syscall.EIO) {
			t.Errorf("Err = %v, want EIO", j.Err())
		}
	})
}

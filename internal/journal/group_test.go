package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// TestManyAppenders has many goroutines append, wait, read and release at once, over many segments.
func TestManyAppenders(t *testing.T) {
	mem := disk.NewMem()
	cfg := Config{FS: mem, SegmentSize: 64 << 10}
	j, _ := openT(t, cfg)
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			var mine []LSN
			for i := range 300 {
				body := fmt.Appendf(nil, "%d/%d %s", g, i, strings.Repeat("x", i))
				lsn := j.Append(1, true, body)
				if n := len(mine); n > 0 && mine[n-1] >= lsn {
					t.Errorf("LSN %d after %d", lsn, mine[n-1])
				}
				mine = append(mine, lsn)
				if i%50 == 0 {
					waitT(t, j, lsn)
				}
				if r, err := j.Read(lsn); err != nil || !bytes.Equal(r.Body, body) {
					t.Errorf("Read(%d) = %q, %v; want %q", lsn, r.Body, err, body)
				}
			}
			for _, lsn := range mine[:250] {
				j.Release(lsn)
			}
		})
	}
	all.Wait()
	if st := j.Stats(); st.Appended != 16*300 || st.LiveRecords > 16*300 {
		t.Errorf("Stats = %+v", st)
	}
	closeT(t, j)
	_, held := openT(t, cfg)
	last := map[string]int{}
	for _, body := range held {
		var g string
		var i int
		name, _, _ := strings.Cut(body, " ")
		g, rest, _ := strings.Cut(name, "/")
		_, _ = fmt.Sscan(rest, &i)
		if seen, ok := last[g]; ok && i <= seen {
			t.Fatalf("record %d of %s after %d", i, g, seen)
		}
		last[g] = i
	}
	for g, i := range last {
		if i != 299 {
			t.Errorf("the last record of %s is %d", g, i)
		}
	}
}

// TestWhatArrivesDuringASyncIsOneBatch: the first record is written alone, and all that arrive meanwhile together.
func TestWhatArrivesDuringASyncIsOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		syncing, goOn := make(chan bool), make(chan bool)
		slow := false
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if slow && op.Kind == disk.OpSync {
				syncing <- true
				<-goOn
			}
			return nil
		}, nil)
		j, _ := openT(t, Config{FS: fs})
		slow = true
		j.Append(1, true, []byte("first"))
		<-syncing
		before := j.Durable()
		var last LSN
		for range 1000 {
			last = j.Append(1, true, []byte("more"))
		}
		if j.Durable() != before || j.Backlog() < 1000 {
			t.Errorf("Durable moved from %d to %d during the sync; Backlog = %d", before, j.Durable(), j.Backlog())
		}
		goOn <- true
		<-syncing
		goOn <- true
		waitT(t, j, last)
		if st := j.Stats(); st.Batches != 2 || st.Syncs != 2 || st.Backlog != 0 {
			t.Errorf("Stats = %+v, want two batches", st)
		}
		slow = false
	})
}

func TestWaitHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan bool)
		ready := false
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if ready && op.Kind == disk.OpSync {
				<-hold
			}
			return nil
		}, nil)
		j, _ := openT(t, Config{FS: fs})
		ready = true
		lsn := j.Append(1, true, []byte("slow"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := j.Wait(ctx, lsn); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v", err)
		}
		close(hold)
		waitT(t, j, lsn)
	})
}

func TestSyncInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		j, _ := openT(t, Config{FS: mem, Sync: SyncInterval, SyncPeriod: time.Second})
		waitT(t, j, j.Append(1, true, []byte("soon")))
		if n := j.Stats().Syncs; n != 0 {
			t.Errorf("%d syncs before the period is over", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := j.Stats().Syncs; n != 1 {
			t.Errorf("%d syncs after the period is over", n)
		}
		for seed := range uint64(20) {
			_, held := openT(t, Config{FS: mem.Crash(seed), SegmentSize: 4096})
			wantRecords(t, held, "soon")
		}
	})
}

func TestSyncNone(t *testing.T) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, Sync: SyncNone})
	waitT(t, j, j.Append(1, true, []byte("whenever")))
	if n := j.Stats().Syncs; n != 0 {
		t.Errorf("%d syncs", n)
	}
	closeT(t, j)
	_, held := openT(t, Config{FS: mem.Crash(1)})
	wantRecords(t, held, "whenever")
}

func TestAfterCloseNothingBecomesDurable(t *testing.T) {
	j, _ := openT(t, Config{FS: disk.NewMem()})
	waitT(t, j, j.Append(1, true, []byte("in time")))
	closeT(t, j)
	if err := j.Wait(t.Context(), j.Append(1, true, []byte("late"))); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait = %v", err)
	}
	if j.Err() != nil {
		t.Errorf("Err = %v", j.Err())
	}
	closeT(t, j)
}

func TestInUse(t *testing.T) {
	fs := disk.OS(t.TempDir())
	openT(t, Config{FS: fs, SegmentSize: 4096})
	_, err := Open(Config{FS: fs}, nil)
	var locked *disk.LockedError
	if !errors.As(err, &locked) || !locked.Self {
		t.Errorf("the second Open = %v", err)
	}
}

// TestSyncNoneLosesAtMostOneSegment: whatever was sealed survives a power failure.
func TestSyncNoneLosesAtMostOneSegment(t *testing.T) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, SegmentSize: 2048, Sync: SyncNone})
	sealed := 0
	for i := range 100 {
		if before := len(*j.segments.Load()); true {
			waitT(t, j, j.Append(1, true, fmt.Appendf(nil, "record %d", i)))
			if len(*j.segments.Load()) > before {
				sealed = i // all before this one
			}
		}
	}
	for seed := range uint64(50) {
		_, held := openT(t, Config{FS: mem.Crash(seed), SegmentSize: 2048})
		if len(held) < sealed {
			t.Errorf("seed %d: %d records are left of %d that were sealed", seed, len(held), sealed)
		}
	}
}

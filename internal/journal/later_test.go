package journal

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// slowDisk is a disk whose syncs, once it is slow, wait for one word each.
type slowDisk struct {
	disk.FS
	slow    atomic.Bool
	syncing chan bool
	goOn    chan error
}

func newSlowDisk() *slowDisk {
	d := &slowDisk{syncing: make(chan bool), goOn: make(chan error)}
	d.FS = disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if op.Kind != disk.OpSync || !d.slow.Load() {
			return nil
		}
		d.syncing <- true
		return <-d.goOn
	}, nil)
	return d
}

func wantSyncs(t *testing.T, j *Journal, want uint64) {
	t.Helper()
	synctest.Wait()
	if got := j.Stats().Syncs; got != want {
		t.Errorf("%d syncs, want %d", got, want)
	}
}

func TestWhatNobodyWaitsForCostsNoSyncOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := openT(t, Config{FS: disk.NewMem()})
		defer closeT(t, j)
		before := j.Stats().Syncs
		later := j.AppendLater(1, 0, []byte("settled"))
		wantSyncs(t, j, before)
		if r, err := j.Read(later); err != nil || string(r.Body) != "settled" {
			t.Errorf("Read = %q, %v", r.Body, err)
		}
		waitT(t, j, j.Append(1, false, []byte("published")))
		wantSyncs(t, j, before+1)
		if j.Durable() < later {
			t.Error("the sync of a later record does not cover it")
		}
	})
}

func TestWhatWaitsIsWrittenInTheEnd(t *testing.T) {
	for name, end := range map[string]func(*Journal, LSN){
		"by itself, after a while": func(*Journal, LSN) { time.Sleep(laterBy) },
		"when hastened":            func(j *Journal, _ LSN) { j.Hasten() },
		"when waited for":          func(j *Journal, lsn LSN) { _ = j.Wait(context.Background(), lsn) },
		"when led":                 func(j *Journal, _ LSN) { j.Lead(true) },
		"when full":                func(j *Journal, _ LSN) { j.AppendLater(1, 1, make([]byte, 4000)) },
		"when closed":              func(j *Journal, _ LSN) { _ = j.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, _ := openT(t, Config{FS: disk.NewMem(), SegmentSize: 4096})
				defer j.Close()
				for range 2 { // the second time as well as the first
					if j.Err() != nil || j.closing {
						break
					}
					lsn := j.AppendLater(1, 1, []byte("x")) // live, lest the reclaimer wait for it
					synctest.Wait()
					if j.Durable() >= lsn {
						t.Fatal("it was written at once")
					}
					end(j, lsn)
					synctest.Wait()
					if j.Durable() < lsn {
						t.Fatal("it is not durable")
					}
				}
			})
		})
	}
}

// TestWhoLeadsWritesOneBatch: what arrives meanwhile is the writer's, and who would lead as well is not kept.
func TestWhoLeadsWritesOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newSlowDisk()
		j, _ := openT(t, Config{FS: d})
		defer closeT(t, j)
		synctest.Wait()
		d.slow.Store(true)
		first := j.AppendLater(1, 0, []byte("first"))
		led := make(chan bool)
		go func() {
			j.Lead(true)
			close(led)
		}()
		<-d.syncing
		second := j.Append(1, false, []byte("second"))
		j.Lead(true) // returns at once: another leads
		d.goOn <- nil
		<-led
		if j.Durable() < first || j.Durable() >= second {
			t.Errorf("durable up to %d, want from %d to below %d", j.Durable(), first, second)
		}
		<-d.syncing
		j.AppendLater(1, 0, []byte("third"))
		j.Lead(true) // returns at once: the writer is at work
		d.slow.Store(false)
		d.goOn <- nil
		waitT(t, j, j.Last())
	})
}

// TestWhoLeadsTellsFirst: OnDurable was called when Lead returns.
func TestWhoLeadsTellsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told LSN
		j, _ := openT(t, Config{FS: disk.NewMem(), OnDurable: func(upTo LSN) { told = upTo }})
		defer closeT(t, j)
		for range 100 {
			synctest.Wait() // the writer rests
			lsn := j.AppendLater(1, 0, []byte("x"))
			j.Lead(true)
			if told < lsn {
				t.Fatalf("told of %d, want %d", told, lsn)
			}
		}
	})
}

func TestALeadThatFailsEndsTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newSlowDisk()
		failed := make(chan error, 1)
		j, _ := openT(t, Config{FS: d, OnFailure: func(err error) { failed <- err }})
		synctest.Wait()
		d.slow.Store(true)
		broken := errors.New("broken")
		go func() {
			<-d.syncing
			d.goOn <- broken
		}()
		lsn := j.AppendLater(1, 0, []byte("x"))
		j.Lead(true)
		if err := <-failed; !errors.Is(err, broken) || j.Durable() >= lsn {
			t.Errorf("failed with %v, durable up to %d of %d", err, j.Durable(), lsn)
		}
		d.slow.Store(false)
		if err := j.Close(); !errors.Is(err, broken) {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestClosingWaitsForWhoLeads, and then writes what came meanwhile.
func TestClosingWaitsForWhoLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newSlowDisk()
		j, _ := openT(t, Config{FS: d})
		synctest.Wait()
		d.slow.Store(true)
		j.AppendLater(1, 0, []byte("first"))
		go j.Lead(true)
		<-d.syncing
		j.AppendLater(1, 0, []byte("second"))
		closed := make(chan error)
		go func() { closed <- j.Close() }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatal("closed beside who leads:", err)
		default:
		}
		d.slow.Store(false)
		d.goOn <- nil
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		_, held := openT(t, Config{FS: d})
		wantRecords(t, held, "first", "second")
	})
}

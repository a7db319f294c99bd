package journal

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// takes is a disk in memory whose syncs take so long.
func takes(sync time.Duration) disk.FS {
	return disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if op.Kind == disk.OpSync {
			time.Sleep(sync)
		}
		return nil
	}, nil)
}

// lasting is how long a story of publishers lasts.
func lasting(whole time.Duration) time.Duration {
	if testing.Short() {
		return whole / 2
	}
	return whole
}

// A publisher goes on without its confirms: so many a second, for so long. It returns how long the slowest was not durable.
func flows(t *testing.T, j *Journal, rate int, long time.Duration) (slowest time.Duration) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for range int(long * time.Duration(rate) / time.Second) {
		time.Sleep(time.Second / time.Duration(rate))
		began, lsn := time.Now(), j.Append(1, false, make([]byte, 100))
		all.Go(func() {
			waitT(t, j, lsn)
			mu.Lock()
			slowest = max(slowest, time.Since(began))
			mu.Unlock()
		})
	}
	all.Wait()
	return slowest
}

// Publishers wait for each confirm, which takes 30 µs to reach them and be answered. It returns how many were made durable in so long.
func wait(t *testing.T, j *Journal, publishers int, leads bool, long time.Duration) (made int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	until := time.Now().Add(long)
	for range publishers {
		all.Go(func() {
			for time.Now().Before(until) {
				lsn := j.AppendLater(1, 0, make([]byte, 100))
				if leads {
					j.Lead(true)
				}
				waitT(t, j, lsn)
				time.Sleep(30 * time.Microsecond)
				mu.Lock()
				made++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return made
}

// spacedOrNot tells the same story of two journals, one of which never spaces its syncs.
func spacedOrNot(t *testing.T, sync time.Duration, tell func(t *testing.T, j *Journal) int) (spaced, not int) {
	for _, n := range []*int{&spaced, &not} {
		synctest.Test(t, func(t *testing.T) {
			j, _ := openT(t, Config{FS: takes(sync)})
			defer closeT(t, j)
			if n == &not {
				j.mu.Lock()
				j.hold.again = time.Now().Add(time.Hour)
				j.mu.Unlock()
			}
			*n = tell(t, j)
		})
	}
	return spaced, not
}

func TestSyncsAreSpacedWherePublishersGoOn(t *testing.T) {
	for _, rate := range []int{7_000, 10_000, 30_000} {
		spaced, not := spacedOrNot(t, 120*time.Microsecond, func(t *testing.T, j *Journal) int {
			before := j.Stats().Syncs
			if slowest := flows(t, j, rate, lasting(300*time.Millisecond)); slowest > spacePeriod+120*time.Microsecond {
				t.Errorf("%d a second: one was durable after %v", rate, slowest)
			}
			return int(j.Stats().Syncs - before)
		})
		if spaced > not/2 {
			t.Errorf("%d a second: %d syncs in place of %d", rate, spaced, not)
		}
	}
}

func TestSyncsAreNotSpacedWherePublishersWait(t *testing.T) {
	for _, publishers := range []int{1, 8} {
		for _, leads := range []bool{false, true} {
			spaced, not := spacedOrNot(t, 120*time.Microsecond, func(t *testing.T, j *Journal) int {
				return wait(t, j, publishers, leads, lasting(time.Second/2))
			})
			if spaced < not*92/100 {
				t.Errorf("%d publishers, leading %v: %d in place of %d", publishers, leads, spaced, not)
			}
		}
	}
}

// Syncs that are spaced for some are not for long where others come who wait.
func TestSyncsAreNoLongerSpacedWhenPublishersBeginToWait(t *testing.T) {
	spaced, not := spacedOrNot(t, 120*time.Microsecond, func(t *testing.T, j *Journal) int {
		flows(t, j, 10_000, lasting(300*time.Millisecond))
		return wait(t, j, 1, true, lasting(time.Second))
	})
	if spaced < not*90/100 {
		t.Errorf("%d in place of %d", spaced, not)
	}
}

// Nothing is won where there are few syncs anyway.
func TestSyncsThatAreSlowOrSeldomAreNotSpaced(t *testing.T) {
	for name, s := range map[string]struct {
		sync time.Duration
		rate int
	}{"slow": {300 * time.Microsecond, 10_000}, "seldom": {120 * time.Microsecond, 4_000}} {
		spaced, not := spacedOrNot(t, s.sync, func(t *testing.T, j *Journal) int {
			before := j.Stats().Syncs
			flows(t, j, s.rate, lasting(300*time.Millisecond))
			return int(j.Stats().Syncs - before)
		})
		if spaced < not-1 || spaced > not+1 {
			t.Errorf("%s: %d syncs in place of %d", name, spaced, not)
		}
	}
}

// Whatever waits for its time is written at once when the journal closes.
func TestACloseWaitsForNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := openT(t, Config{FS: takes(0)})
		j.mu.Lock()
		j.hold.until = time.Now().Add(time.Hour)
		j.mu.Unlock()
		lsn, began := j.Append(1, false, []byte("x")), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := j.Wait(ctx, lsn); err == nil {
			t.Error("it was written before its time")
		}
		closeT(t, j)
		if j.Durable() < lsn || time.Since(began) > time.Minute {
			t.Error("it is not durable, or late")
		}
	})
}

// Who has always waited leads, though syncs are spaced for others.
func TestWhoAlwaysWaitsLeadsWhereSyncsAreSpaced(t *testing.T) {
	spaced, not := spacedOrNot(t, 120*time.Microsecond, func(t *testing.T, j *Journal) (made int) {
		var both sync.WaitGroup
		both.Go(func() { flows(t, j, 20_000, lasting(time.Second/2)) })
		both.Go(func() { made = wait(t, j, 1, true, lasting(time.Second/2)) })
		both.Wait()
		return made
	})
	if spaced < not*95/100 {
		t.Errorf("it makes %d in place of %d", spaced, not)
	}
}

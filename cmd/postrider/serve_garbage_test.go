package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestTheHeapGrowsToAFloorBeforeItIsCollected(t *testing.T) {
	for _, c := range []struct {
		live, floor uint64
		percent     int
	}{
		{0, 64 << 20, 1500},
		{4 << 20, 64 << 20, 1500},
		{16 << 20, 64 << 20, 300},
		{32 << 20, 64 << 20, 100},
		{1 << 40, 64 << 20, 100},
		{0, 0, 100},
	} {
		if got := percentFor(c.live, c.floor); got != c.percent {
			t.Errorf("with %d bytes live and a floor of %d: %d %%, want %d %%", c.live, c.floor, got, c.percent)
		}
	}
}

func TestTheFloorFollowsTheHeapAndEndsWithTheBroker(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetGCPercent(usualPercent)
	defer debug.SetGCPercent(before)
	stop := collectSeldom(64 << 20)
	defer stop()
	much := make([]byte, 40<<20) // the floor is less than its double
	awaitPercent(t, func() int { return usualPercent })
	runtime.KeepAlive(much)
	awaitPercent(t, func() int { // when it is gone; other tests may have left something
		if live := liveHeap(); live < 30<<20 {
			return percentFor(live, 64<<20)
		}
		return -1
	})
	stop()
	if got := percentNow(); got != usualPercent {
		t.Errorf("%d %% remain", got)
	}
}

func TestWhoHasSaidHowToCollectIsObeyed(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "50")
			before := debug.SetGCPercent(50)
			defer debug.SetGCPercent(before)
			defer collectSeldom(64 << 20)()
			if got := percentNow(); got != 50 {
				t.Errorf("%d %% were set", got)
			}
		})
	}
}

// awaitPercent collects until the percentage is near what want says then.
func awaitPercent(t *testing.T, want func() int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		runtime.GC()
		got, want := percentNow(), want()
		if got*10 >= want*8 && got*8 <= want*10 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%d %%, want %d %%", got, want)
		}
		runtime.Gosched()
	}
}

func percentNow() int {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}

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
	awaitPercent(t, usualPercent)
	runtime.KeepAlive(much)
	awaitPercent(t, percentFor(0, 64<<20)) // when it is gone
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

// awaitPercent collects until the percentage is near.
func awaitPercent(t *testing.T, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		runtime.GC()
		got := percentNow()
		if got*10 >= want*9 && got*9 <= want*10 {
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

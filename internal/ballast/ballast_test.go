package ballast

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// untuned has the test run as a process in which nobody has said how to collect.
func untuned(t *testing.T) {
	t.Setenv("GOGC", "")
	percent, limit := debug.SetGCPercent(usualPercent), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		held.Store(nil)
	})
}

func nextCollection() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.NextGC
}

func TestASmallHeapGrowsFurtherFromItsFirstCollectionOn(t *testing.T) {
	untuned(t)
	before := nextCollection()
	arm()
	if Size() != 0 {
		t.Fatalf("%d bytes are held before anything was collected", Size())
	}
	for Size() == 0 {
		runtime.GC()
		runtime.Gosched() // what follows a collection has a goroutine of its own
	}
	if after := nextCollection(); after < before+most {
		t.Errorf("the heap is collected at %d bytes, before at %d", after, before)
	}
}

func TestWhoHasSaidHowToCollectIsObeyed(t *testing.T) {
	for _, c := range []struct {
		name string
		say  func(t *testing.T)
	}{
		{"GOGC=100", func(t *testing.T) { t.Setenv("GOGC", "100") }},
		{"GOGC=off", func(*testing.T) { debug.SetGCPercent(-1) }},
		{"in the program", func(*testing.T) { debug.SetGCPercent(400) }},
		{"a limit", func(*testing.T) { debug.SetMemoryLimit(1 << 30) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			untuned(t)
			c.say(t)
			if load(1 << 40); Size() != 0 {
				t.Errorf("%d bytes are held", Size())
			}
		})
	}
}

func TestASmallMachineHasLess(t *testing.T) {
	untuned(t)
	for _, c := range []struct{ memory, want int64 }{
		{0, most},
		{512 << 20, 2 << 20},
		{4 << 30, most},
		{64 << 30, most},
	} {
		if load(c.memory); Size() != c.want {
			t.Errorf("with %d bytes of memory %d are held, want %d", c.memory, Size(), c.want)
		}
	}
}

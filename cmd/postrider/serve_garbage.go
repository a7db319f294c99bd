package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// A collector makes garbage collection seldom while the heap is small. By itself it runs whenever the heap has doubled, which for a
// broker with little in its queues is tens of times a second, and a quarter of its processor time. Ours lets the heap grow to a
// floor first. Beyond the floor all is as usual.
type collector struct {
	floor   uint64 // bytes
	percent atomic.Int64
	stopped atomic.Bool
}

// heapFloor is a fifth of what messages may take in memory, at most 64 MiB.
func heapFloor(messages int64) uint64 { return uint64(min(messages/5, 64<<20)) }

// usualPercent is Go's own: collect when the heap has doubled.
const usualPercent = 100

// leastHeap is where Go begins to collect at usualPercent, in bytes; it grows with the percentage.
const leastHeap = 4 << 20

// collectSeldom sets a floor in bytes until stop is called, unless the user has said how to collect.
func collectSeldom(floor uint64) (stop func()) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if os.Getenv(name) != "" {
			return func() {}
		}
	}
	c := &collector{floor: floor}
	c.percent.Store(int64(percentFor(0, floor)))
	before := debug.SetGCPercent(int(c.percent.Load()))
	c.watch()
	return func() {
		c.stopped.Store(true)
		debug.SetGCPercent(before)
	}
}

// watch has the percentage looked at after the next collection: that is when what nobody holds is cleaned up.
func (c *collector) watch() {
	type mark struct{ _ [16]byte }
	runtime.AddCleanup(new(mark), (*collector).collected, c)
}

// collected follows the live heap. To set the percentage stops the world for a moment, which is not worth it for less than a tenth.
func (c *collector) collected() {
	if c.stopped.Load() {
		return
	}
	before, now := c.percent.Load(), int64(percentFor(liveHeap(), c.floor))
	if now*10 < before*9 || now*9 > before*10 {
		c.percent.Store(now)
		debug.SetGCPercent(int(now))
	}
	c.watch()
}

// liveHeap is what was live when garbage was collected last, in bytes.
func liveHeap() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}

// percentFor lets a heap of which so much is live grow to the floor, and to its double if that is more.
func percentFor(live, floor uint64) int {
	live = max(live, leastHeap)
	return max(usualPercent, int((int64(floor)-int64(live))*100/int64(live)))
}

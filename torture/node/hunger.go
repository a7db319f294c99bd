package node

import (
	"sync"
	"time"

	"github.com/postrider-mq/postrider/torture/told"
)

// hunger measures for how long this process was ready to run and was not let: a goroutine sleeps for a moment, again and again, and notes
// how much longer it was. On a machine that is busy with others a call may end so much later without being at fault.
type hunger struct {
	mu      sync.Mutex
	starved time.Duration
	last    time.Duration // when the goroutine was let run
}

const nap = 5 * time.Millisecond

func watch() *hunger {
	h := &hunger{last: told.Now()}
	go func() {
		for {
			time.Sleep(nap)
			h.awake()
		}
	}()
	return h
}

func (h *hunger) awake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := told.Now()
	h.starved += h.late(now)
	h.last = now
}

// late is how much longer than a nap it is since the goroutine was let run. The caller holds mu.
func (h *hunger) late(now time.Duration) time.Duration { return max(0, now-h.last-2*nap) }

// total is how long that was all together, so far: also when the machine has just gone on after it had stopped, and the goroutine has yet to run.
func (h *hunger) total() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.starved + h.late(told.Now())
}

package node

import (
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/torture/told"
)

// hunger measures for how long this process was ready to run and was not let: a goroutine sleeps for a moment, again and again, and notes
// how much longer it was. On a machine that is busy with others a call may end so much later without being at fault.
type hunger struct{ starved atomic.Int64 }

const nap = 5 * time.Millisecond

func watch() *hunger {
	h := new(hunger)
	go func() {
		for last := told.Now(); ; {
			time.Sleep(nap)
			now := told.Now()
			h.starved.Add(int64(max(0, now-last-2*nap)))
			last = now
		}
	}()
	return h
}

// total is how long that was all together, so far.
func (h *hunger) total() time.Duration { return time.Duration(h.starved.Load()) }

package sim

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag = flag.Uint64("seed", 0, "replay this one seed, with a trace")
	fromFlag = flag.Uint64("from", 1, "the first seed")
	shrinks  = flag.Bool("shrink", true, "make a failing seed as short as can be")
	forFlag  = flag.Duration("for", 20*time.Second, "how long to try seeds")
)

// TestSeeds tries seeds on all cores until the time is over, or one fails.
func TestSeeds(t *testing.T) {
	if *seedFlag != 0 {
		replay(t, *seedFlag, nil)
		return
	}
	var next, messages, starts, resumes atomic.Uint64
	next.Store(*fromFlag - 1)
	var failed atomic.Pointer[failure]
	var all sync.WaitGroup
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for time.Since(began) < *forFlag && failed.Load() == nil {
				seed := next.Add(1)
				res := Execute(NewProgram(seed), nil)
				messages.Add(uint64(res.Messages))
				starts.Add(uint64(res.Starts))
				resumes.Add(uint64(res.Resumes))
				if res.Violation != nil {
					failed.CompareAndSwap(nil, &failure{seed, res.Violation})
				}
			}
		})
	}
	all.Wait()
	n := next.Load() - *fromFlag + 1
	t.Logf("%d seeds in %s: %.0f a minute; %d messages, %d starts of the broker, %d of them from a checkpoint", n, time.Since(began).Round(time.Millisecond),
		float64(n)/time.Since(began).Minutes(), messages.Load(), starts.Load(), resumes.Load())
	if f := failed.Load(); f != nil {
		replay(t, f.seed, f.violation)
	}
}

// failure is a seed under which a promise was broken.
type failure struct {
	seed      uint64
	violation *Violation
}

// replay makes a failing seed as short as can be and tells its story. A failure that does not come again is one all the same: what happened
// did not follow from the seed alone.
func replay(t *testing.T, seed uint64, before *Violation) {
	t.Helper()
	p := NewProgram(seed)
	res := Execute(p, nil)
	switch {
	case res.Violation != nil:
	case before != nil:
		t.Errorf("seed %d: %v; run again it keeps every promise", seed, before)
		return
	default:
		t.Logf("seed %d keeps every promise", seed)
		Execute(p, func(line string) { t.Log(line) })
		return
	}
	short := p
	if *shrinks {
		short = Shrink(p, *res.Violation)
	}
	t.Logf("%s", short)
	Execute(short, func(line string) { t.Log(line) })
	t.Errorf("seed %d, %d steps of %d: %v", seed, len(short.Steps), len(p.Steps), res.Violation)
}

package coord_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/coord"
	"github.com/postrider-mq/postrider/postridertest"
)

// A register is what a lock protects. It knows the highest number that it was shown, and turns away whoever comes with a lower one.
type register struct {
	mu      sync.Mutex
	highest uint64
	held    map[uint64]bool
	writes  int
	refused int
}

func (r *register) write(t *testing.T, fence uint64, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first && r.held[fence] {
		t.Errorf("two have had number %d", fence)
	}
	r.held[fence] = true
	if fence < r.highest {
		r.refused++
		return
	}
	r.highest = fence
	r.writes++
}

// Holders are cut off, isolated and given up while they work; the broker stops and starts again. Each holder has a number of its
// own, a holder that the broker still serves is alone, and everybody gets on in the end.
func TestHoldersThatAreKilled(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			net := postridertest.New(t)
			disk := broker.Config{Dir: t.TempDir()}
			mq := net.BrokerWith("mq", disk)
			r := &register{held: map[uint64]bool{}}
			names := []string{"alice", "bob", "carol", "dave"}
			var all sync.WaitGroup
			for _, name := range names {
				lock := coord.NewLock(net.Node(name, mq.Use), "l")
				pause := rand.New(rand.NewPCG(seed, uint64(len(name))))
				all.Go(func() {
					for range 20 {
						err := lock.Do(t.Context(), func(ctx context.Context, fence uint64) error {
							r.write(t, fence, true)
							time.Sleep(time.Duration(pause.IntN(2000)) * time.Millisecond)
							r.write(t, fence, false)
							return ctx.Err()
						})
						if err != nil && !errors.Is(err, context.Canceled) {
							t.Errorf("seed %d: %v", seed, err)
						}
					}
				})
			}
			stop := make(chan struct{})
			var trouble sync.WaitGroup
			trouble.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(random.IntN(3000)) * time.Millisecond):
					}
					switch who := names[random.IntN(len(names))]; random.IntN(8) {
					case 0:
						mq.Close()
						time.Sleep(time.Second)
						mq = net.BrokerWith("mq", disk)
					case 1, 2:
						net.Isolate(who)
						time.Sleep(time.Second)
						net.Rejoin(who)
					default:
						net.Cut(who)
					}
				}
			})
			all.Wait()
			close(stop)
			trouble.Wait()
			if r.writes+r.refused != 160 {
				t.Errorf("seed %d: %d writes, %d refused", seed, r.writes, r.refused)
			}
		})
	}
}

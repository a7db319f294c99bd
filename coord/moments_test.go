package coord_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/coord"
	"github.com/postrider-mq/postrider/postridertest"
)

// use is one use of something of this package by a node, from beginning to end, with what it is stored in.
type use struct {
	name  string
	boxes []string
	do    func(ctx context.Context, n *postrider.Node) error
}

func uses() []use {
	held := func(ctx context.Context, _ uint64) error {
		select {
		case <-time.After(40 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return []use{
		{"lock", []string{"coord.lock.x"}, func(ctx context.Context, n *postrider.Node) error {
			return coord.NewLock(n, "x").Do(ctx, held)
		}},
		{"semaphore", []string{"coord.semaphore.x.0", "coord.semaphore.x.1"}, func(ctx context.Context, n *postrider.Node) error {
			return coord.NewSemaphore(n, "x", 2).Do(ctx, func(ctx context.Context, h *coord.Held) error { return held(ctx, h.Fence()) })
		}},
		{"barrier", []string{"coord.barrier.x"}, func(ctx context.Context, n *postrider.Node) error {
			return coord.NewBarrier(n, "x", 1).Wait(ctx)
		}},
		{"election", []string{"coord.election.x", "coord.value.election.x"}, func(ctx context.Context, n *postrider.Node) error {
			return coord.NewElection(n, "x").Lead(ctx, held)
		}},
		{"value", []string{"coord.value.x"}, func(ctx context.Context, n *postrider.Node) error {
			v := coord.NewValue[int](n, "x")
			if _, err := v.Set(ctx, 1); err != nil {
				return err
			}
			if _, err := v.Get(ctx); !errors.Is(err, coord.ErrNoValue) {
				return err
			}
			return nil
		}},
		{"watch", []string{"coord.value.x"}, func(ctx context.Context, n *postrider.Node) (err error) {
			v := coord.NewValue[int](n, "x")
			watching, leave := context.WithCancel(ctx)
			var setting sync.WaitGroup
			setting.Go(func() {
				for watching.Err() == nil {
					v.Set(watching, 1)
					time.Sleep(50 * time.Millisecond)
				}
			})
			for _, err = range v.Watch(ctx) {
				break
			}
			leave()
			setting.Wait()
			return err
		}},
	}
}

// lineDelay is what everything takes on its way. In between nothing happens.
const lineDelay = 5 * time.Millisecond

var everyMoment = flag.Bool("every", false, "TestAtEveryMoment tries every moment, not each seventh from a random one on")

// At every moment of every use something happens. The use ends, in time and with the error that belongs to it, nothing is left of it, and the next one is served.
func TestAtEveryMoment(t *testing.T) {
	type world struct {
		*postridertest.Network
		mq         *postridertest.Broker
		alice, bob *postrider.Node
		cancel     context.CancelFunc
	}
	events := map[string]struct {
		happen func(w *world, u use)
		want   func(err error) bool // of who was there
		within time.Duration
	}{
		"given up": {func(w *world, _ use) { w.cancel() }, func(err error) bool { return err == nil || errors.Is(err, context.Canceled) }, time.Second},
		"closed": {func(w *world, _ use) { w.alice.Close() }, func(err error) bool {
			return err == nil || errors.Is(err, postrider.ErrClosed) || errors.Is(err, coord.ErrLost)
		}, 20 * time.Second},
		"given up while the line is silent": {func(w *world, _ use) {
			w.Mute("alice")
			w.cancel()
			time.AfterFunc(time.Minute, func() { w.Unmute("alice") })
		}, func(err error) bool { return err == nil || errors.Is(err, context.Canceled) }, time.Second},
		"cut":       {func(w *world, _ use) { w.Cut("alice") }, func(err error) bool { return err == nil || errors.Is(err, coord.ErrLost) }, 20 * time.Second},
		"restarted": {func(w *world, _ use) { w.mq.Restart() }, func(err error) bool { return err == nil || errors.Is(err, coord.ErrLost) }, 20 * time.Second},
		"deleted": {func(w *world, u use) {
			c, err := w.mq.Dial(broker.DialConfig{})
			if err != nil {
				panic(err)
			}
			defer c.Close()
			for _, box := range u.boxes {
				if _, err := c.DeleteQueue(context.Background(), box); err != nil {
					panic(err)
				}
			}
		}, func(err error) bool { return err == nil || errors.Is(err, coord.ErrLost) }, 20 * time.Second},
	}
	first, step := time.Duration(rand.IntN(7))*lineDelay, 7*lineDelay
	if *everyMoment {
		first, step = 0, lineDelay
	}
	for event, e := range events {
		for _, u := range uses() {
			t.Run(event+"/"+u.name, func(t *testing.T) {
				for at, over := first, false; !over && at < 2*time.Second; at += step {
					synctest.Test(t, func(t *testing.T) {
						net := postridertest.New(t)
						var cfg broker.Config
						if event == "restarted" {
							cfg.Dir = t.TempDir()
						}
						mq := net.BrokerWith("mq", cfg)
						w := &world{Network: net, mq: mq, alice: net.Node("alice", mq.Use), bob: net.Node("bob", mq.Use)}
						w.Slow("mq", lineDelay)
						ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
						defer cancel()
						w.cancel = cancel
						for _, n := range []*postrider.Node{w.alice, w.bob} {
							if err := coord.NewBarrier(n, "warm", 1).Wait(ctx); err != nil { // connected
								t.Fatal(err)
							}
							if _, err := coord.NewValue[int](n, "warm").Set(ctx, 1); err != nil {
								t.Fatal(err)
							}
						}
						time.Sleep(time.Second)
						done := make(chan error, 1)
						var all sync.WaitGroup
						all.Go(func() { done <- u.do(ctx, w.alice) })
						time.Sleep(at + lineDelay/2)
						select {
						case err := <-done:
							done <- err
							over = true
						default:
							e.happen(w, u)
						}
						happened := time.Now()
						all.Wait()
						if err := <-done; !e.want(err) || time.Since(happened) > e.within {
							t.Errorf("%s after %v: %v, after %v", event, at, err, time.Since(happened))
						}
						again, stop := context.WithTimeout(t.Context(), 3*time.Minute)
						defer stop()
						if err := u.do(again, w.bob); err != nil {
							t.Errorf("%s after %v, the next one: %v", event, at, err)
						}
					})
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// Whoever gives up, at whatever moment, leaves no goroutine behind.
func TestWhoGivesUpLeavesNoGoroutineBehind(t *testing.T) {
	for _, u := range uses() {
		t.Run(u.name, func(t *testing.T) {
			tell(t, func(t *testing.T, w *world) {
				w.Slow("mq", lineDelay)
				if err := u.do(t.Context(), w.alice); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				before, times := runtime.NumGoroutine(), 0
				for at := time.Duration(0); at < 300*time.Millisecond; at += lineDelay {
					ctx, cancel := context.WithTimeout(t.Context(), at)
					if err := u.do(ctx, w.alice); err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
					cancel()
					times++
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := runtime.NumGoroutine() - before; n > times/4 {
					t.Errorf("%d goroutines more after %d times", n, times)
				}
			})
		})
	}
}

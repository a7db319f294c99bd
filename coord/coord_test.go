package coord_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/coord"
	"github.com/postrider-mq/postrider/postridertest"
)

// world is three nodes and the broker that they coordinate through, in time that passes by itself.
type world struct {
	*postridertest.Network
	alice, bob, carol *postrider.Node
}

func tell(t *testing.T, story func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		net := postridertest.New(t)
		mq := net.Broker("mq")
		story(t, &world{net, net.Node("alice", mq.Use), net.Node("bob", mq.Use), net.Node("carol", mq.Use)})
	})
}

func (w *world) nodes() []*postrider.Node { return []*postrider.Node{w.alice, w.bob, w.carol} }

func acquire(t *testing.T, n *postrider.Node, name string) *coord.Held {
	t.Helper()
	return acquireWithin(t, n, name, time.Hour)
}

func acquireWithin(t *testing.T, n *postrider.Node, name string, d time.Duration) *coord.Held {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	h, err := coord.NewLock(n, name).Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// wantTaken checks that the lock cannot be had.
func wantTaken(t *testing.T, n *postrider.Node, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if h, err := coord.NewLock(n, name).Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(h, err)
	}
}

func isLost(h *coord.Held) bool {
	synctest.Wait()
	select {
	case <-h.Lost():
		return true
	default:
		return false
	}
}

func TestALockIsHeldByOne(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		h := acquire(t, w.alice, "l")
		wantTaken(t, w.bob, "l")
		wantTaken(t, w.alice, "l")
		acquire(t, w.bob, "another").Release()
		if isLost(h) {
			t.Error("lost while nothing happened")
		}
		h.Release()
		h.Release()
		next := acquire(t, w.bob, "l")
		if next.Fence() <= h.Fence() || !isLost(h) {
			t.Errorf("fence %d after %d, the first is lost: %v", next.Fence(), h.Fence(), isLost(h))
		}
		next.Release()
	})
}

// Who waits gets it in turn, and who gives up is passed over.
func TestALockGoesRound(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		h := acquire(t, w.alice, "l")
		var order []string
		var all sync.WaitGroup
		for _, n := range w.nodes() {
			for i := range 2 {
				all.Go(func() {
					if err := coord.NewLock(n, "l").Do(t.Context(), func(context.Context, uint64) error {
						order = append(order, fmt.Sprint(n.Name(), i)) // the lock guards it
						return nil
					}); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
			wantTaken(t, n, "l")
		}
		h.Release()
		all.Wait()
		if got := fmt.Sprint(order); got != "[alice0 alice1 bob0 bob1 carol0 carol1]" {
			t.Error(got)
		}
	})
}

// The holder's connection breaks: it learns that, and the next one has a higher number. So it is when its node dies, and when the broker
// is told by nobody.
func TestAHolderThatIsCutOffLosesTheLock(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"cut":      func(w *world) { w.Cut("alice") },
		"isolated": func(w *world) { w.Isolate("alice") },
		"closed":   func(w *world) { w.alice.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(t *testing.T, w *world) {
				h := acquire(t, w.alice, "l")
				var after *coord.Held
				done := make(chan struct{})
				go func() {
					after = acquire(t, w.bob, "l")
					close(done)
				}()
				synctest.Wait()
				end(w)
				if !isLost(h) {
					t.Error("the holder does not know")
				}
				<-done
				if after.Fence() <= h.Fence() {
					t.Errorf("fence %d after %d", after.Fence(), h.Fence())
				}
				h.Release()
				if isLost(after) {
					t.Error("a release that came too late took it from the next one")
				}
				after.Release()
			})
		})
	}
}

// Brokers take a message from who does not settle it in half an hour. A lock is held for as long as it is wanted, whether others wait or not, and
// with the same number.
func TestALockIsHeldForHours(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		h := acquire(t, w.alice, "l")
		time.Sleep(time.Hour)
		next := make(chan *coord.Held)
		go func() { next <- acquireWithin(t, w.bob, "l", 24*time.Hour) }()
		time.Sleep(time.Hour)
		if isLost(h) {
			t.Fatal("lost while nothing happened")
		}
		h.Release()
		after := <-next
		if after.Fence() != h.Fence()+1 {
			t.Errorf("fence %d after %d", after.Fence(), h.Fence())
		}
		after.Release()
	})
}

// A holder that renews its claim while connections break, and the broker stops, leaves the number as it was, and the seat to others.
func TestAHolderIsCutOffWhileItRenewsItsClaim(t *testing.T) {
	for at := time.Duration(0); at < 200*time.Millisecond; at += 20 * time.Millisecond {
		tell(t, func(t *testing.T, w *world) {
			w.Slow("mq", 20*time.Millisecond)
			h := acquire(t, w.alice, "l")
			time.Sleep(time.Minute - 40*time.Millisecond + at)
			w.Cut("alice")
			<-h.Lost()
			for _, n := range w.nodes() {
				after := acquire(t, n, "l")
				if after.Fence() <= h.Fence() {
					t.Errorf("cut after %v: fence %d after %d", at, after.Fence(), h.Fence())
				}
				h = after
				after.Release()
			}
		})
	}
}

func TestWhoWaitsOutlivesABrokenConnection(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		h := acquire(t, w.alice, "l")
		done := make(chan struct{})
		go func() {
			acquire(t, w.bob, "l").Release()
			close(done)
		}()
		synctest.Wait()
		w.Cut("bob")
		time.Sleep(time.Minute)
		h.Release()
		<-done
	})
}

func TestASemaphoreIsHeldByAsManyAsItHasSlots(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		var now, most atomic.Int32
		fences := make([]map[uint64]bool, 2)
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 9 {
			all.Go(func() {
				err := coord.NewSemaphore(w.nodes()[i%3], "s", 2).Do(t.Context(), func(_ context.Context, h *coord.Held) error {
					mu.Lock()
					if fences[h.Slot()] == nil {
						fences[h.Slot()] = map[uint64]bool{}
					}
					if fences[h.Slot()][h.Fence()] {
						t.Errorf("slot %d has fence %d twice", h.Slot(), h.Fence())
					}
					fences[h.Slot()][h.Fence()] = true
					mu.Unlock()
					n := now.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					time.Sleep(time.Second)
					now.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 2 {
			t.Errorf("held by %d at a time", most.Load())
		}
	})
}

func TestABarrierOpensWhenAllAreThere(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		var arrived, passed atomic.Int32
		for round := range int32(3) {
			var all sync.WaitGroup
			for _, n := range w.nodes() {
				all.Go(func() {
					time.Sleep(time.Duration(arrived.Add(1)) * time.Second)
					if err := coord.NewBarrier(n, "b", 3).Wait(t.Context()); err != nil {
						t.Error(err)
					}
					passed.Add(1)
				})
			}
			all.Wait()
			if a := arrived.Load(); a != 3*(round+1) || passed.Load() != a {
				t.Errorf("round %d: %d arrived, %d passed", round, a, passed.Load())
			}
		}
	})
}

// Who gives up or dies does not count, whether or not it was the one that counts.
func TestABarrierDoesNotCountWhoIsGone(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := coord.NewBarrier(w.alice, "b", 2).Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		go coord.NewBarrier(w.bob, "b", 2).Wait(t.Context())
		time.Sleep(time.Minute)
		w.bob.Close()
		time.Sleep(5 * time.Second)
		passed := make(chan error, 2)
		go func() { passed <- coord.NewBarrier(w.alice, "b", 2).Wait(t.Context()) }()
		time.Sleep(time.Minute)
		if len(passed) > 0 {
			t.Fatal("it opened for one:", <-passed)
		}
		go func() { passed <- coord.NewBarrier(w.carol, "b", 2).Wait(t.Context()) }()
		for range 2 {
			if err := <-passed; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAValueIsTheLastThatWasSet(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		alice, bob := coord.NewValue[int](w.alice, "v"), coord.NewValue[int](w.bob, "v")
		if _, err := bob.Get(t.Context()); !errors.Is(err, coord.ErrNoValue) {
			t.Fatal(err)
		}
		first, err := alice.Set(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bob.Get(t.Context())
		if err != nil || got != first || got.Value != 7 || got.By != "alice" {
			t.Errorf("%+v, %v, want %+v", got, err, first)
		}
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				v := coord.NewValue[int](w.nodes()[i%3], "v")
				if _, err := v.Update(t.Context(), func(n int, err error) (int, error) { return n + 1, err }); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got, err := alice.Get(t.Context()); err != nil || got.Value != 37 || got.Number <= first.Number {
			t.Errorf("%+v, %v", got, err)
		}
		refused := errors.New("no")
		if _, err := bob.Update(t.Context(), func(int, error) (int, error) { return 0, refused }); !errors.Is(err, refused) {
			t.Error(err)
		}
		if got, err := alice.Get(t.Context()); err != nil || got.Value != 37 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// The connection breaks at any moment of an update, and what was to become the value may have become it: it does once, whether or not others
// have changed it before this node is served again.
func TestAnUpdateIsMadeOnce(t *testing.T) {
	for _, others := range []int{0, 3} {
		for at := 210 * time.Millisecond; at < 270*time.Millisecond; at += 6 * time.Millisecond {
			tell(t, func(t *testing.T, w *world) {
				add := func(v *coord.Value[int]) {
					if _, err := v.Update(t.Context(), func(n int, _ error) (int, error) { return n + 1, nil }); err != nil {
						t.Error(err)
					}
				}
				v, other := coord.NewValue[int](w.alice, "v"), coord.NewValue[int](w.bob, "v")
				add(v)
				w.Slow("alice", 20*time.Millisecond)
				var all sync.WaitGroup
				all.Go(func() { add(v) })
				time.Sleep(at)
				for range others {
					all.Go(func() { add(other) })
				}
				synctest.Wait()
				w.Cut("alice")
				all.Wait()
				if got, err := other.Get(t.Context()); err != nil || got.Value != 2+others {
					t.Errorf("cut after %v, with %d others: %+v, %v", at, others, got, err)
				}
			})
		}
	}
}

// A broker in memory forgets the value with its process. Who watches sees what is set from then on, though its numbers are lower.
func TestWhoWatchesSeesWhatIsSetOnABrokerThatHasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := postridertest.New(t)
		mq := net.Broker("mq")
		alice, bob := coord.NewValue[int](net.Node("alice", mq.Use), "v"), coord.NewValue[int](net.Node("bob", mq.Use), "v")
		for i := range 3 {
			if _, err := alice.Set(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for x, err := range bob.Watch(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if x.Value == 3 {
				break
			}
			mq.Restart()
			if _, err := alice.Set(t.Context(), 3); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestWhoWatchesSeesTheLastValueAndWhatFollows(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		v := coord.NewValue[string](w.alice, "v")
		set := func(s string) {
			t.Helper()
			if _, err := v.Set(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		seen := make(chan string, 10)
		watch := func(n *postrider.Node) {
			for x, err := range coord.NewValue[string](n, "v").Watch(t.Context()) {
				if err != nil {
					return
				}
				seen <- n.Name() + " " + x.Value
			}
		}
		want := func(s ...string) {
			t.Helper()
			got := map[string]bool{}
			for range s {
				select {
				case x := <-seen:
					got[x] = true
				case <-time.After(time.Minute):
				}
			}
			for _, x := range s {
				if !got[x] {
					t.Errorf("not seen: %s; but %v", x, got)
				}
			}
		}
		go watch(w.bob)
		time.Sleep(time.Second)
		set("a")
		want("bob a")
		go watch(w.carol)
		want("carol a")
		set("b")
		want("bob b", "carol b")
		w.Isolate("bob")
		set("c")
		want("carol c")
		w.Rejoin("bob")
		want("bob c")
	})
}

func TestALeaderIsFollowedByAnother(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		type reign struct {
			node string
			term uint64
		}
		reigns := make(chan reign, 10)
		for _, n := range w.nodes() {
			go coord.NewElection(n, "e").Lead(t.Context(), func(ctx context.Context, term uint64) error {
				reigns <- reign{n.Name(), term}
				<-ctx.Done()
				return ctx.Err()
			})
			synctest.Wait()
		}
		first := <-reigns
		synctest.Wait()
		if who, err := coord.NewElection(w.carol, "e").Leader(t.Context()); who != first.node || err != nil {
			t.Errorf("%q leads, %v, want %v", who, err, first)
		}
		w.Isolate(first.node)
		second := <-reigns
		if second.node == first.node || second.term <= first.term {
			t.Errorf("%+v follows %+v", second, first)
		}
		w.Rejoin(first.node)
		w.Cut(second.node)
		third := <-reigns
		if third.term <= second.term {
			t.Errorf("%+v follows %+v", third, second)
		}
		for who, err := range coord.NewElection(w.bob, "e").Watch(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if who == third.node {
				break
			}
		}
	})
}

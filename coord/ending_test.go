package coord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/coord"
	"github.com/postrider-mq/postrider/postridertest"
)

// Who waits learns that his node has ended, whatever he waits for.
func TestWhoWaitsLearnsThatHisNodeHasEnded(t *testing.T) {
	for name, wait := range map[string]func(context.Context, *postrider.Node) error{
		"barrier": func(ctx context.Context, n *postrider.Node) error { return coord.NewBarrier(n, "b", 2).Wait(ctx) },
		"lock": func(ctx context.Context, n *postrider.Node) error {
			_, err := coord.NewLock(n, "l").Acquire(ctx)
			return err
		},
		"semaphore": func(ctx context.Context, n *postrider.Node) error {
			_, err := coord.NewSemaphore(n, "s", 1).Acquire(ctx)
			return err
		},
		"value": func(ctx context.Context, n *postrider.Node) error {
			for _, err := range coord.NewValue[int](n, "v").Watch(ctx) {
				return err
			}
			return nil
		},
		"election": func(ctx context.Context, n *postrider.Node) error {
			return coord.NewElection(n, "e").Lead(ctx, func(ctx context.Context, _ uint64) error { <-ctx.Done(); return ctx.Err() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(t *testing.T, w *world) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				acquire(t, w.alice, "l")
				if _, err := coord.NewSemaphore(w.alice, "s", 1).Acquire(ctx); err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- wait(ctx, w.bob) }()
				time.Sleep(time.Minute)
				began := time.Now()
				w.bob.Close()
				if err := <-done; !errors.Is(err, postrider.ErrClosed) || time.Since(began) > 10*time.Second {
					t.Errorf("%v, after %v", err, time.Since(began))
				}
			})
		})
	}
}

// A mailbox that cannot be received from is an error of who would wait there.
func TestABarrierThatCannotBe(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		if err := w.alice.Mailbox("coord.barrier.b").Send(t.Context(), "there is a mailbox of another kind"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var refused *postrider.RemoteError
		if err := coord.NewBarrier(w.bob, "b", 1).Wait(ctx); !errors.As(err, &refused) {
			t.Error(err)
		}
	})
}

// A barrier opens for more than one receiver is given at once.
func TestABarrierForMany(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		const parties = 300
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, parties)
		for i := range parties {
			go func() { done <- coord.NewBarrier(w.nodes()[i%3], "b", parties).Wait(ctx) }()
		}
		for range parties {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Who gave up leaves nothing behind that keeps others from being served, though nobody has set the value yet.
func TestWhoGaveUpIsInNobodysWay(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		w.Slow("mq", 50*time.Millisecond)
		v := coord.NewValue[int](w.alice, "v")
		get := func(within time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			_, err := v.Get(ctx)
			return err
		}
		for i := range 300 {
			if err := get(220 * time.Millisecond); i > 0 && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if err := get(time.Minute); !errors.Is(err, coord.ErrNoValue) {
			t.Error(err)
		}
	})
}

// Who waits, where nobody has been yet, is served though the broker was restarted meanwhile and who had been served before him died: what was to tell
// him that it is his turn went with them.
func TestWhoWaitsIsServedAfterTheBrokerWasRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := postridertest.New(t)
		mq := net.BrokerWith("mq", broker.Config{Dir: t.TempDir()})
		alice, bob := coord.NewValue[int](net.Node("alice", mq.Use), "v"), coord.NewValue[int](net.Node("bob", mq.Use), "v")
		changing, change := make(chan struct{}), make(chan struct{})
		defer close(change)
		go alice.Update(t.Context(), func(int, error) (int, error) {
			close(changing)
			<-change
			return 1, nil
		})
		<-changing
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := bob.Get(ctx)
			done <- err
		}()
		synctest.Wait()
		net.Isolate("alice")
		mq.Restart()
		if err := <-done; !errors.Is(err, coord.ErrNoValue) {
			t.Error(err)
		}
	})
}

// A leader that resigns while it is cut off does not take the next one's name away.
func TestALeaderThatResignsTooLate(t *testing.T) {
	for cut := 62 * time.Second; cut < 76*time.Second; cut += 2 * time.Second { // the broker notices at about 73 s
		tell(t, func(t *testing.T, w *world) {
			resign, over := make(chan struct{}), make(chan error, 1)
			go func() {
				over <- coord.NewElection(w.alice, "e").Lead(t.Context(), func(context.Context, uint64) error { <-resign; return nil })
			}()
			time.Sleep(time.Second)
			led := make(chan struct{})
			go coord.NewElection(w.bob, "e").Lead(t.Context(), func(ctx context.Context, _ uint64) error {
				close(led)
				<-ctx.Done()
				return ctx.Err()
			})
			time.Sleep(time.Second)
			w.Mute("alice")
			time.Sleep(cut)
			close(resign)
			<-led
			w.Unmute("alice")
			time.Sleep(time.Minute)
			if leader, err := coord.NewElection(w.carol, "e").Leader(t.Context()); leader != "bob" || err != nil {
				t.Errorf("resigned %v after it was cut off: %q, %v", cut, leader, err)
			}
		})
	}
}

// Whoever has lost the lead is a candidate again, and learns that there was no time for it.
func TestALeaderThatHasLostTheLeadWhenItsTimeIsUp(t *testing.T) {
	tell(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		err := coord.NewElection(w.alice, "e").Lead(ctx, func(leading context.Context, _ uint64) error {
			w.Cut("alice")
			<-leading.Done()
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	})
}

// A leader whose time is up resigns before Lead returns; one whose broker says nothing more does not wait for that.
func TestALeaderWhoseTimeIsUp(t *testing.T) {
	for name, silent := range map[string]bool{"the broker answers": false, "the broker says nothing": true} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancel(t.Context())
				leads, over := make(chan struct{}), make(chan error, 1)
				go func() {
					over <- coord.NewElection(w.alice, "e").Lead(ctx, func(ctx context.Context, _ uint64) error {
						close(leads)
						<-ctx.Done()
						return ctx.Err()
					})
				}()
				<-leads
				if silent {
					w.Mute("alice")
				}
				began := time.Now()
				cancel()
				if err := <-over; !errors.Is(err, context.Canceled) || time.Since(began) > time.Second {
					t.Errorf("%v, after %v", err, time.Since(began))
				}
				if silent {
					w.Unmute("alice")
				} else if leader, err := coord.NewElection(w.bob, "e").Leader(t.Context()); leader != "" || err != nil {
					t.Errorf("%q leads, %v", leader, err)
				}
				led := coord.NewElection(w.bob, "e").Lead(t.Context(), func(context.Context, uint64) error { return nil })
				if led != nil {
					t.Error(led)
				}
			})
		})
	}
}

package coord

import (
	"context"
	"errors"
	"fmt"

	"github.com/postrider-mq/postrider"
)

// ErrLost is the cause of a context that ended because what was held is lost, see [Held.Lost].
var ErrLost = errors.New("coord: no longer held")

// Lock is held by one at a time, of all goroutines of all processes that name it. Who waits gets it in the order of asking. It
// is not reentrant. Any goroutine may use it.
type Lock struct{ seat seat }

// NewLock is the lock of that name on the node's broker.
func NewLock(n *postrider.Node, name string) *Lock { return &Lock{newSeat(n, "lock", name, "")} }

// Acquire waits for the lock. When ctx ends before, the error is ctx's.
func (l *Lock) Acquire(ctx context.Context) (*Held, error) { return l.seat.hold(ctx, nil) }

// Do runs do while it holds the lock. The context of do ends, with [ErrLost] as its cause, when the lock is lost.
func (l *Lock) Do(ctx context.Context, do func(ctx context.Context, fence uint64) error) error {
	h, err := l.Acquire(ctx)
	if err != nil {
		return err
	}
	return h.while(ctx, do)
}

// Semaphore is held by so many at a time as it has slots. A slot is a lock of its own, with fences of its own: what
// is protected needs to know the slot, too. Who waits stands in line at every slot. Any goroutine may use it.
type Semaphore struct{ seats []seat }

// MaxSlots is how many slots a semaphore can have.
const MaxSlots = 64

// NewSemaphore is the semaphore of that name on the node's broker. All who use it have to give it as many slots. It panics when slots is
// not between 1 and [MaxSlots].
func NewSemaphore(n *postrider.Node, name string, slots int) *Semaphore {
	if slots < 1 || slots > MaxSlots {
		panic(fmt.Sprintf("coord: a semaphore of %d slots: want 1 to %d", slots, MaxSlots))
	}
	s := &Semaphore{make([]seat, slots)}
	for i := range s.seats {
		s.seats[i] = newSeat(n, "semaphore", name, fmt.Sprintf(".%d", i))
	}
	return s
}

// Slot is which of the slots of a [Semaphore] is held, from 0.
func (h *Held) Slot() int { return h.slot }

// Acquire waits for a slot. When ctx ends before, the error is ctx's.
func (s *Semaphore) Acquire(ctx context.Context) (*Held, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		h   *Held
		err error
	}
	results := make(chan result)
	for i, seat := range s.seats {
		go func() {
			h, err := seat.hold(waiting, nil)
			if err == nil {
				h.slot = i
			}
			results <- result{h, err}
		}()
	}
	var got *Held
	var failed error
	for range s.seats {
		switch r := <-results; {
		case r.err != nil:
			if failed == nil {
				failed = r.err
			}
		case got == nil:
			got = r.h
		default:
			r.h.Release() // two were free
		}
		cancel() // what one cannot have for another reason than ctx's, all cannot
	}
	if got == nil {
		return nil, failed
	}
	return got, nil
}

// Do runs do while it holds a slot. The context of do ends, with [ErrLost] as its cause, when the slot is lost.
func (s *Semaphore) Do(ctx context.Context, do func(ctx context.Context, h *Held) error) error {
	h, err := s.Acquire(ctx)
	if err != nil {
		return err
	}
	return h.while(ctx, func(ctx context.Context, _ uint64) error { return do(ctx, h) })
}

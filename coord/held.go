package coord

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// Held is what was acquired. Any goroutine may use it.
type Held struct {
	slot    int
	fence   uint64
	lost    chan struct{}
	release chan struct{}
	once    sync.Once
	done    chan struct{}
}

// hold acquires a seat.
func (s seat) hold(ctx context.Context, value json.RawMessage) (*Held, error) {
	t, err := s.during(ctx, nil, func(t *turn) error { return t.claim(ctx, value, nil) })
	if err != nil {
		return nil, err
	}
	h := &Held{fence: t.last.Number, lost: make(chan struct{}), release: make(chan struct{}), done: make(chan struct{})}
	go h.keep(t)
	return h, nil
}

// keep answers for the turn until it is lost or released.
func (h *Held) keep(t *turn) {
	defer close(h.done)
	defer t.leave()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-h.release:
			cancel()
		case <-h.done:
		}
	}()
	r := renewal{claim: t.last, due: time.Now().Add(renewEvery)}
	for {
		until, done := context.WithDeadline(ctx, r.due)
		n, err := t.next(until)
		done()
		switch {
		case err == nil:
			r.arrived(t, n)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			r.begin(ctx, t)
		default:
			close(h.lost)
			return
		}
	}
}

// Fence is a number that is higher than that of everybody who held this before. Show it to what is protected, which can
// then refuse whoever comes with a lower one than it has seen.
func (h *Held) Fence() uint64 { return h.fence }

// Lost returns a channel that is closed when it is no longer held: it was released, the connection to the broker broke, or
// the node closed. The broker may have given it to another a moment before.
func (h *Held) Lost() <-chan struct{} { return h.lost }

// Release gives it back; the next in line has it at once. It may be called again.
func (h *Held) Release() {
	h.once.Do(func() { close(h.release) })
	<-h.done
}

// while runs do, with a context that also ends when h is lost, and then releases it.
func (h *Held) while(ctx context.Context, do func(ctx context.Context, fence uint64) error) error {
	defer h.Release()
	ctx, cancel := h.unlessLost(ctx)
	defer cancel(nil)
	return do(ctx, h.fence)
}

// unlessLost is a context that also ends when h is lost.
func (h *Held) unlessLost(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-h.lost:
			cancel(ErrLost)
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

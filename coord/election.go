package coord

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/postrider-mq/postrider"
)

// Election has at most one leader among those who want to lead, and tells everybody who it is. Any goroutine may use it.
type Election struct {
	lock   *Lock
	leader *Value[string]
}

// NewElection is the election of that name on the node's broker.
func NewElection(n *postrider.Node, name string) *Election {
	e := &Election{
		lock:   &Lock{newSeat(n, "election", name, "")},
		leader: NewValue[string](n, "election."+name),
	}
	e.leader.seat.wrong = e.lock.seat.wrong
	return e
}

// Lead runs as a candidate. As soon as it leads it calls lead, with a context that ends when it does not any more, and with the
// number of its term: higher than that of all leaders before, a fence as of [Held.Fence]. When lead returns while it leads, it
// resigns, and lead's error is that of Lead. When it lost the lead, it is a candidate again once lead
// has returned. When ctx ends, the error is ctx's, and to resign takes half a second at most.
func (e *Election) Lead(ctx context.Context, lead func(ctx context.Context, term uint64) error) error {
	for {
		h, err := e.lock.Acquire(ctx)
		if err != nil {
			return err
		}
		lost, err := e.term(ctx, h, lead)
		if !lost {
			return err
		}
	}
}

// term is a time of leading, from the announcement to the end.
func (e *Election) term(ctx context.Context, h *Held, lead func(ctx context.Context, term uint64) error) (lost bool, err error) {
	resigns := false
	defer func() { e.leave(ctx, h, resigns) }()
	leading, cancel := h.unlessLost(ctx)
	defer cancel(nil)
	err = e.announce(leading)
	announced := err == nil
	if announced {
		err = lead(leading, h.fence)
	}
	lost = errors.Is(context.Cause(leading), ErrLost)
	resigns = announced && !lost
	return lost, err
}

func (e *Election) announce(ctx context.Context) error {
	_, err := e.leader.Set(ctx, e.lock.seat.node.Name())
	return err
}

// leave lets another lead, after it was said that nobody does if this one resigns. Once ctx has ended it waits for that no longer than resignWithin:
// where a broker does not answer, the rest is done behind who returns.
func (e *Election) leave(ctx context.Context, h *Held, resigns bool) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		if resigns {
			e.resign(ctx, h)
		}
		h.Release()
	}()
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	select {
	case <-over:
	case <-time.After(resignWithin):
	}
}

// resignWithin is time for a broker that answers.
const resignWithin = time.Second / 2

// resign says that nobody leads, as far as that can be said in the time that is left, and before another may lead.
func (e *Election) resign(ctx context.Context, h *Held) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookAgain)
	defer cancel()
	ctx, leave := h.unlessLost(ctx)
	defer leave(nil)
	e.leader.Set(ctx, "")
}

// Leader is the node that leads; "" when the last one has resigned. After one died it is that one until the next one leads. The error is [ErrNoValue]
// before the first one did. It costs what [Value.Get] does.
func (e *Election) Leader(ctx context.Context) (string, error) {
	v, err := e.leader.Get(ctx)
	return v.Value, err
}

// Watch goes through the leaders, beginning with the present one, as [Value.Watch] does.
func (e *Election) Watch(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for v, err := range e.leader.Watch(ctx) {
			if !yield(v.Value, err) {
				return
			}
		}
	}
}

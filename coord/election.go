package coord

import (
	"context"
	"errors"
	"iter"

	"github.com/postrider-mq/postrider"
)

// Election has at most one leader among those who want to lead, and tells everybody who it is. Any goroutine may use it.
type Election struct {
	lock   *Lock
	leader *Value[string]
}

// NewElection is the election of that name on the node's broker.
func NewElection(n *postrider.Node, name string) *Election {
	return &Election{
		lock:   &Lock{newSeat(n, "election", name)},
		leader: NewValue[string](n, "election."+name),
	}
}

// Lead runs as a candidate. As soon as it leads it calls lead, with a context that ends when it does not any more, and with the
// number of its term: higher than that of all leaders before, a fence as of [Held.Fence]. When lead returns while it leads, it
// resigns, and lead's error is that of Lead. When it lost the lead, it is a candidate again once lead
// has returned. When ctx ends, the error is ctx's.
func (e *Election) Lead(ctx context.Context, lead func(ctx context.Context, term uint64) error) error {
	for {
		h, err := e.lock.Acquire(ctx)
		if err != nil {
			return err
		}
		lost := false
		err = h.while(ctx, func(ctx context.Context, term uint64) error {
			if err := e.announce(ctx); err != nil {
				lost = errors.Is(context.Cause(ctx), ErrLost)
				return err
			}
			err := lead(ctx, term)
			lost = errors.Is(context.Cause(ctx), ErrLost)
			if !lost {
				e.resign(ctx, h)
			}
			return err
		})
		if !lost {
			return err
		}
	}
}

func (e *Election) announce(ctx context.Context) error {
	_, err := e.leader.Set(ctx, e.lock.seat.node.Name())
	return err
}

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

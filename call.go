package postrider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/seal"
)

const defaultCallTimeout = 30 * time.Second

// callTimeout is how long a call waits whose caller does not say; 0: for ever.
func (c *Config) callTimeout() time.Duration {
	if c.CallTimeout == 0 {
		return defaultCallTimeout
	}
	return max(c.CallTimeout, 0)
}

// limit is how long a call waits beside its context; 0: that says it, or the configuration wants no end.
func (n *Node) limit(ctx context.Context) time.Duration {
	if _, has := ctx.Deadline(); has {
		return 0
	}
	return n.cfg.callTimeout()
}

// Call sends a request to a target, a peer or a mailbox, and waits for the answer of the handler that
// receives it. The answer is decoded as [Message.Decode] does: a T of []byte has it as it is.
//
// A handler's error comes back as a [*RemoteError]. A handler that returns nil, and has not called Reply, gives an empty answer: the result is T's zero value.
// If ctx ends first, or the connection breaks after the request was written, the error is a [*SendError]: the request may have been handled
// all the same. The deadline of ctx, or [Config.CallTimeout] from now where it has none, is also when the request expires.
//
// A call may be made again under the same [ID]. While the first is being handled, and its caller has given up, the second waits for what becomes of it; while
// he waits himself, in this node and for this target, it fails at once. One that failed, expired or was given up
// is handled again. One that was handled is not: answers are not kept, and the second call fails at once with a RemoteError of code 409.
func Call[T any](ctx context.Context, target *Target, request any, opts ...SendOption) (T, error) {
	a, err := target.call(ctx, request, opts)
	var none T
	if err != nil {
		return none, err
	}
	if _, plain := any(none).([]byte); plain { // no need to put it behind a pointer
		return any(a.body).(T), nil
	}
	result := new(T)
	err = target.node.decode(a.contentType, a.body, result)
	return *result, err
}

func (t *Target) call(ctx context.Context, request any, opts []SendOption) (answer, error) {
	o := sendOptionsOf(opts)
	if t.node.out != nil {
		return t.callThrough(ctx, request, o)
	}
	return t.request(ctx, request, &o)
}

func (t *Target) request(ctx context.Context, request any, o *sendOptions) (answer, error) {
	t = t.route(ctx, o, true)
	d, err := t.draft(request, o)
	if err != nil {
		return answer{}, err
	}
	if o.id != "" && !o.fresh {
		d.tellApart(t)
	}
	way, err := t.via(ctx, o)
	if err == nil {
		err = t.enclose(&d, seal.Answer)
	}
	if err != nil {
		return answer{}, t.failed(d.id, err, false)
	}
	limit := t.node.limit(ctx)
	a, written, err := way.call(ctx, limit, d)
	if err != nil {
		late := errors.Is(err, client.ErrLate)
		if written && (late || ctx.Err() != nil) {
			t.abandon(&d)
		}
		if late {
			err = fmt.Errorf("%w: no answer within %v, which is Config.CallTimeout: a call that may take longer needs a context with a deadline of its own", err, limit)
		}
		return answer{}, t.failed(d.id, err, written)
	}
	if d.secret != nil || a.contentType == typeSealed {
		if a, err = openAnswer(d.secret, d.id.String(), a); err != nil {
			return answer{}, t.failed(d.id, err, true)
		}
	}
	if a.contentType != typeError {
		return a, nil
	}
	return answer{}, refusal(a.body)
}

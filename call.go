package postrider

import "context"

// Call sends a request to a target, a peer or a mailbox, and waits for the answer of the handler that
// receives it. A []byte or string is passed as it is, any other T is decoded as [Message.Decode] does.
//
// A handler's error comes back as a [*RemoteError]. If ctx ends first, or the connection breaks
// after the request was written, the error is a [*SendError]: the request may have been handled
// all the same. A deadline of ctx is also the request's expiry where the broker heeds one.
func Call[T any](ctx context.Context, target *Target, request any, opts ...SendOption) (T, error) {
	var result T
	a, err := target.call(ctx, request, opts)
	if err == nil {
		err = target.node.decode(a.contentType, a.body, &result)
	}
	return result, err
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
	way, err := t.via(o)
	if err != nil {
		return answer{}, t.failed(d.id, err, false)
	}
	a, written, err := way.call(ctx, d)
	if err != nil {
		if written && ctx.Err() != nil {
			t.abandon(d.id)
		}
		return answer{}, t.failed(d.id, err, written)
	}
	if a.contentType != typeError {
		return a, nil
	}
	return answer{}, refusal(a.body)
}

package postrider

import (
	"context"
	"maps"

	"github.com/postrider-mq/postrider/internal/client"
)

// Verb is how a message is sent.
type Verb string

const (
	VerbSend Verb = "send" // Target.Send
	VerbPost Verb = "post" // Target.Post
	VerbCall Verb = "call" // Call and Gather
)

// Outgoing is a message on its way out, as [SendMiddleware] sees it, which may change what is not read-only.
type Outgoing struct {
	Target *Target // read-only
	Verb   Verb    // read-only
	ID     string  // read-only
	Key    string
	// Headers may be added to and is never nil; see [Header] for what values may be.
	Headers map[string]any
	Body    any

	options sendOptions
	fates   []func(Grade, error)
	finish  func(context.Context, *Outgoing) error
}

// OnFate has do called once when the fate of the message is known: when a Send or a Call has ended, and of a Post when its [Receipt] knows. An error is a
// [*SendError], or what else these return; then the grade is Pending. do must not block. It has no effect after
// the message was handed on, and do is not called when middleware further in does not hand it on: then next returns the error.
func (m *Outgoing) OnFate(do func(Grade, error)) { m.fates = append(m.fates, do) }

// SendFunc hands a message on. It returns when a Send or a Call ends, and with the error of that; for a Post, when the message is in the
// outbox.
type SendFunc func(ctx context.Context, m *Outgoing) error

// SendMiddleware is put around every Send, Post, Call and Gather of a node: what it does before next is done to the message before
// it goes out; not calling next keeps it here, and the error goes to the sender. Replies, retries and dead letters do not pass it.
type SendMiddleware func(next SendFunc) SendFunc

// HandleMiddleware is put around every handler of a node. What it returns settles the message, as a handler's result does. Messages
// of a loop, [Node.Messages], do not pass it.
type HandleMiddleware func(next Handler) Handler

// outward composes the middleware: the first of the configuration is the outermost. nil if there is none.
func (n *Node) outward() SendFunc {
	if len(n.cfg.SendMiddleware) == 0 {
		return nil
	}
	f := func(ctx context.Context, m *Outgoing) error { return m.finish(ctx, m) }
	for i := len(n.cfg.SendMiddleware) - 1; i >= 0; i-- {
		f = n.cfg.SendMiddleware[i](f)
	}
	return f
}

// inward puts the middleware around a handler.
func (n *Node) inward(h Handler) Handler {
	for i := len(n.cfg.HandleMiddleware) - 1; i >= 0; i-- {
		h = n.cfg.HandleMiddleware[i](h)
	}
	return h
}

// outgoing makes what middleware sees.
func (t *Target) outgoing(v Verb, body any, o sendOptions) *Outgoing {
	if o.id == "" {
		o.id, o.fresh = t.node.ids.next().String(), true
	}
	if bytes, ok := body.(*[]byte); ok && bytes != nil {
		body = *bytes
	}
	m := &Outgoing{Target: t, Verb: v, ID: o.id, Key: o.key, Headers: maps.Clone(o.headers), Body: body, options: o}
	if m.Headers == nil {
		m.Headers = make(map[string]any)
	}
	return m
}

// wanted are the options as middleware has left them.
func (m *Outgoing) wanted() *sendOptions {
	m.options.key, m.options.headers = m.Key, m.Headers
	return &m.options
}

// follow has who asked for it told of what becomes of a post; nil when nobody did. end is how far it is to come.
func (m *Outgoing) follow(id messageID, end *client.Fate, g Grade) func(error) {
	if m == nil || len(m.fates) == 0 {
		return nil
	}
	t := m.Target
	return func(err error) {
		if err != nil {
			err = t.failed(id, err, end.WasWritten())
		}
		m.decided(g, err)
	}
}

func (m *Outgoing) decided(g Grade, err error) {
	if err != nil {
		g = Pending
	}
	for _, do := range m.fates {
		do(g, err)
	}
}

func (t *Target) sendThrough(ctx context.Context, body any, o sendOptions) error {
	m := t.outgoing(VerbSend, body, o)
	m.finish = func(ctx context.Context, m *Outgoing) error {
		err := t.send(ctx, m.Body, m.wanted())
		m.decided(t.reached(o.until), err)
		return err
	}
	return t.node.out(ctx, m)
}

// reached is how far a message has come when a Send that waits until then has returned.
func (t *Target) reached(until Grade) Grade {
	if until > t.grade || until == Kept && t.away() {
		return until
	}
	return t.grade
}

func (t *Target) callThrough(ctx context.Context, body any, o sendOptions) (a answer, err error) {
	m := t.outgoing(VerbCall, body, o)
	m.finish = func(ctx context.Context, m *Outgoing) (err error) {
		a, err = t.request(ctx, m.Body, m.wanted())
		m.decided(t.grade, err)
		return err
	}
	err = t.node.out(ctx, m)
	return a, err
}

func (t *Target) postThrough(ctx context.Context, body any, o sendOptions) (r *Receipt, err error) {
	m := t.outgoing(VerbPost, body, o)
	m.finish = func(ctx context.Context, m *Outgoing) (err error) {
		r, err = t.post(ctx, m.Body, m.wanted(), m)
		if err != nil {
			m.decided(Pending, err)
		}
		return err
	}
	if err := t.node.out(ctx, m); err != nil {
		return nil, err
	}
	return r, nil
}

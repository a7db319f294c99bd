package postrider

import (
	"context"
	"sync"
	"time"
)

// callerContext is the context of a call's handler: it ends when the caller's does, as far as that is known here, and when the handling
// is stopped. Most handlers only pass it on, so what it takes to wait for its end is made when somebody does.
type callerContext struct {
	context.Context // of the handling
	message         *Message

	last, next *callerContext // in the list of calls, and guarded by its lock

	mu    sync.Mutex
	whole context.Context // nil until it is needed
	stop  context.CancelCauseFunc
	why   error // why it was ended; nil: it was not
}

// forCaller is the context of the message's handler; nil if it is no call. done is to be called at the end.
func (m *Message) forCaller(ctx context.Context) *callerContext {
	if !m.wanted {
		return nil
	}
	n := m.tap.target.node
	if m.tap.target.away() || n.cfg.ShareMailboxes || m.isRelayed() {
		n.heedCancels()
	}
	c := &callerContext{Context: ctx, message: m}
	n.calls.begin(c)
	return c
}

func (c *callerContext) done() {
	c.message.tap.target.node.calls.end(c)
	c.end(context.Canceled)
}

func (c *callerContext) end(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = why
	}
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop(why)
	}
}

// ended is why it was ended; nil: it was not.
func (c *callerContext) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// made is the context as package context makes it.
func (c *callerContext) made() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whole != nil {
		return c.whole
	}
	c.whole, c.stop = context.WithCancelCause(c.Context)
	if c.why != nil {
		c.stop(c.why)
	} else if at := c.message.deadline; at != 0 {
		stop := c.stop
		whole, cancel := context.WithDeadlineCause(c.whole, started.Add(at), errAbandoned)
		c.whole, c.stop = whole, func(why error) { stop(why); cancel() }
	}
	return c.whole
}

func (c *callerContext) Done() <-chan struct{} { return c.made().Done() }
func (c *callerContext) Value(key any) any     { return c.made().Value(key) }

func (c *callerContext) Deadline() (time.Time, bool) {
	at, ok := c.Context.Deadline()
	if c.message.deadline == 0 {
		return at, ok
	}
	if mine := started.Add(c.message.deadline); !ok || mine.Before(at) {
		return mine, true
	}
	return at, ok
}

func (c *callerContext) Err() error {
	c.mu.Lock()
	whole, why := c.whole, c.why
	c.mu.Unlock()
	switch {
	case whole != nil:
		return whole.Err()
	case why != nil:
		return context.Canceled
	case c.message.late():
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}

package client

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// ReplyTo is the address that the broker replaces by one of this connection's own, so that an
// answer needs no queue. It works on the channel that consumes from it.
const ReplyTo = "amq.rabbitmq.reply-to"

// Reply is the answer to a call. Its bytes belong to the caller.
type Reply struct {
	Props amqp.RawProperties
	Body  []byte
}

// A call is decided twice: its message is confirmed, and its answer comes; in either order. One that ended well is used again.
type call struct {
	fate   Fate
	answer chan answer // takes one; given under the Publisher's lock, but for what became of the message
	sure   atomic.Bool // its message was confirmed, and nobody knows the fate any more
	decide func(error) // decided, bound once
	over   func() bool // there is something to return; likewise

	timer *time.Timer   // rings when the limit is over; nil: there was none yet
	rang  atomic.Bool   // it did
	late  chan struct{} // closed when it does
}

// ErrLate is the error of a call whose limit is over: [context.DeadlineExceeded], told apart from a context's.
var ErrLate = fmt.Errorf("%w", context.DeadlineExceeded)

type answer struct {
	reply   Reply
	err     error
	message bool // the error is what became of the message
}

func newCall() any {
	c := &call{answer: make(chan answer, 1), late: make(chan struct{})}
	c.decide, c.over = c.decided, func() bool { return len(c.answer) > 0 || c.rang.Load() }
	return c
}

// within ends the call when so long has passed; 0: never. One timer serves all calls that are made with c.
func (c *call) within(limit time.Duration, p *Publisher) {
	switch {
	case limit == 0:
	case c.timer != nil:
		c.timer.Reset(limit)
	default:
		c.timer = time.AfterFunc(limit, func() {
			c.rang.Store(true)
			close(c.late)
			p.interrupt()
		})
	}
}

// inTime stops the timer and reports whether it never rang.
func (c *call) inTime(limit time.Duration) bool { return limit == 0 || c.timer.Stop() }

// decided is told what became of the message. A confirm tells little: the answer is still to come.
func (c *call) decided(err error) {
	if err != nil {
		c.give(answer{err: err, message: true})
	} else {
		c.sure.Store(true)
	}
}

// Call publishes a message and waits for the reply that carries its id as the correlation-id.
// env must ask for a reply at [ReplyTo], see [NewCallEnvelope]. A connection that breaks after the message was
// written takes the reply with it: the call fails with ErrBroken. written is as for Send. After limit, if it is not 0, it
// ends with [ErrLate] as it does with ctx: that costs less than a context with a timeout.
func (p *Publisher) Call(ctx context.Context, limit time.Duration, env *Envelope, id string, body []byte) (reply Reply, written bool, err error) {
	c := p.callings.Get().(*call)
	c.sure.Store(false)
	c.fate = Fate{tell: c.decide}
	if err := p.expect(id, c); err != nil {
		return Reply{}, false, err
	}
	c.within(limit, p)
	reply, written, err = p.await(ctx, c, env, id, body)
	p.unexpect(id)
	if inTime := c.inTime(limit); inTime && err == nil && c.sure.Load() {
		select {
		case <-c.answer: // a second one
		default:
		}
		p.callings.Put(c)
	}
	return reply, written, err
}

func (p *Publisher) await(ctx context.Context, c *call, env *Envelope, id string, body []byte) (Reply, bool, error) {
	var buf [MaxID]byte
	at, t, err := p.enqueue(ctx, c.late, &c.fate, env, append(buf[:0], id...), body)
	if err != nil {
		return Reply{}, false, err
	}
	if t != nil {
		t.readUntil(ctx, c.over, p.othersQuiet)
	}
	select {
	case a := <-c.answer:
		if a.message {
			return Reply{}, c.fate.WasWritten(), a.err
		}
		return a.reply, c.fate.Stage() != Held, a.err
	case <-ctx.Done():
		err = p.Because(ctx.Err())
	case <-c.late:
		err = p.Because(ErrLate)
	}
	if c.fate.Abandon(err) {
		p.forget(at, &c.fate)
	}
	return Reply{}, c.fate.WasWritten(), err
}

// interrupt has a caller who reads for himself look up.
func (p *Publisher) interrupt() {
	p.mu.Lock()
	l := p.link
	p.mu.Unlock()
	if l != nil {
		l.Interrupt()
	}
}

// expect books a call before its message can be answered.
func (p *Publisher) expect(key string, c *call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if _, taken := p.calls[key]; taken {
		return fmt.Errorf("a call with the id %q is under way", key)
	}
	p.calls[key] = c
	p.consumeReplies()
	return nil
}

// WantReplies has answers come to [ReplyTo] before anything that is published after this call goes out.
func (p *Publisher) WantReplies() {
	p.mu.Lock()
	p.consumeReplies()
	p.mu.Unlock()
}

// consumeReplies holds publishes back until the channel consumes replies. The caller holds mu.
func (p *Publisher) consumeReplies() {
	if !p.replies {
		p.replies, p.open = true, false
		p.wants++
		p.changed()
	}
}

func (p *Publisher) unexpect(key string) {
	p.mu.Lock()
	delete(p.calls, key)
	p.mu.Unlock()
}

// wantsReplies reports whether calls were made.
func (p *Publisher) wantsReplies() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replies
}

// reply hands an answer to its call. One that nobody waits for is dropped: the caller gave up.
func (p *Publisher) reply(props amqp.RawProperties, body []byte) {
	v, err := props.View()
	if err != nil {
		return
	}
	p.mu.Lock()
	c := p.calls[string(v.CorrelationID)]
	if c != nil {
		c.give(answer{reply: Reply{Props: props, Body: body}})
	}
	p.mu.Unlock()
	if c == nil && p.answered != nil {
		p.answered(props, body)
	}
}

// breakCalls fails the calls whose message was written: their answers went with the
// connection. Those still held will be made on the next one. The caller holds mu.
func (p *Publisher) breakCalls(why error) {
	for _, c := range p.calls {
		if c.fate.Stage() == Held {
			continue
		}
		err := fmt.Errorf("%w: %w", ErrBroken, why)
		c.fate.Abandon(err)
		c.give(answer{err: err})
	}
}

func (p *Publisher) closeCalls() {
	for _, c := range p.calls {
		c.give(answer{err: ErrClosed})
	}
}

func (c *call) give(a answer) {
	select {
	case c.answer <- a:
	default:
	}
}

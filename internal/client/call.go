package client

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/postrider-mq/postrider/amqp"
)

// ReplyTo is the address that the broker replaces by one of this connection's own, so that an
// answer needs no queue. It works on the channel that consumes from it.
const ReplyTo = "amq.rabbitmq.reply-to"

// Reply is the answer to a call. Its body belongs to the caller.
type Reply struct {
	ContentType string
	Body        []byte
}

// A call is decided twice: its message is confirmed, and its answer comes; in either order. One that ended well is used again.
//
//	expect ──► in the books, with when its limit is over ──► answered: out of the books ──► the caller wakes
//	                                                     └─► late, given up, broken: the caller takes it out
type call struct {
	fate   Fate
	few    few         // the fate's
	answer chan answer // takes one
	sure   atomic.Bool // its message was confirmed, and nobody knows the fate any more
	decide func(error) // decided, bound once
	over   func() bool // there is something to return; likewise

	text []byte // its message's id, of which id is made: not touched while the call is in the books
	more more   // of its message, until that is confirmed

	// Guarded by the Publisher's lock.
	id   string        // what it is answered under
	late time.Duration // when its limit is over, on the Publisher's clock; 0: it waits until its context ends
}

// ErrLate is the error of a call whose limit is over: [context.DeadlineExceeded], told apart from a context's.
var ErrLate = fmt.Errorf("%w", context.DeadlineExceeded)

type answer struct {
	reply   Reply
	err     error
	message bool // the error is what became of the message
	gaveUp  bool // or why the caller waits no longer
}

func newCall() any {
	c := &call{answer: make(chan answer, 1)}
	c.decide, c.over = c.decided, func() bool { return len(c.answer) > 0 }
	return c
}

// decided is told what became of the message. A confirm tells little: the answer is still to come.
func (c *call) decided(err error) {
	if err != nil {
		c.give(answer{err: err, message: true})
	} else {
		c.sure.Store(true)
	}
}

// Call publishes a message and waits for the reply whose correlation-id is its id, or what its envelope says.
// env must ask for a reply at [ReplyTo], see [NewCallEnvelope]. A connection that breaks after the message was
// written takes the reply with it: the call fails with ErrBroken. written is as for Send. After limit, if it is not 0, it
// ends with [ErrLate] as it does with ctx: that costs less than a context with a timeout, for all calls share a timer.
func (p *Publisher) Call(ctx context.Context, limit time.Duration, env *Envelope, id, body []byte) (reply Reply, written bool, err error) {
	c := p.callings.Get().(*call)
	c.sure.Store(false)
	c.fate, c.few = Fate{}, few{tell: c.decide}
	c.fate.few.Store(&c.few)
	c.text = append(c.text[:0], id...)
	c.id, c.late = unsafe.String(unsafe.SliceData(c.text), len(c.text)), limit
	if env.called != "" {
		c.id = env.called
	}
	reply, written, err = p.await(ctx, c, env, body)
	if err != nil {
		p.unexpect(c)
	} else if c.sure.Load() {
		p.callings.Put(c)
	}
	return reply, written, err
}

func (p *Publisher) await(ctx context.Context, c *call, env *Envelope, body []byte) (Reply, bool, error) {
	at, t, err := p.enqueue(ctx, c, &c.fate, env, c.text, body)
	if err != nil {
		return Reply{}, false, err
	}
	if t != nil {
		t.readUntil(ctx, c.over, p.Quiet)
	}
	a := c.wait(ctx)
	switch {
	case a.message:
		return Reply{}, c.fate.WasWritten(), a.err
	case !a.gaveUp:
		return a.reply, c.fate.Stage() != Held, a.err
	}
	err = p.Because(a.err)
	if c.fate.Abandon(err) {
		p.forget(at, &c.fate)
	}
	return Reply{}, c.fate.WasWritten(), err
}

// wait is for the answer, or the end of ctx as the error of one.
func (c *call) wait(ctx context.Context) answer {
	done := ctx.Done()
	if done == nil {
		return <-c.answer // which costs half of a select
	}
	select {
	case a := <-c.answer:
		return a
	case <-done:
		return answer{err: ctx.Err(), gaveUp: true}
	}
}

// expect books a call before its message can be answered. The caller holds mu.
func (p *Publisher) expect(c *call) error {
	if p.closed {
		return ErrClosed
	}
	if _, taken := p.calls[c.id]; taken {
		return fmt.Errorf("a call with the id %q is under way", c.text)
	}
	p.calls[c.id] = c
	p.consumeReplies()
	if c.late != 0 {
		c.late += p.now()
		p.expireAt(c.late)
	}
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

func (p *Publisher) unexpect(c *call) {
	p.mu.Lock()
	if p.calls[c.id] == c {
		delete(p.calls, c.id)
	}
	p.mu.Unlock()
}

// wantsReplies reports whether calls were made.
func (p *Publisher) wantsReplies() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replies
}

// came is an answer that was read, and whose it is: nil until it is looked for, and if nobody waits for it. All but the Reply is good until the next read.
type came struct {
	call        *call
	correlation []byte
	props       amqp.RawProperties
	Reply
}

// replied hands the answers of one read to their calls. Those that nobody waits for are dropped: the caller gave up. Who is answered may well
// call again at once: where they are many the writer is woken behind all of them but the last, who runs first, so that it finds their questions together.
func (p *Publisher) replied(list []came) {
	p.mu.Lock()
	p.awoken = len(list)
	for i := range list {
		a := &list[i]
		if c := p.calls[string(a.correlation)]; c != nil && c.fate.Stage() != Held {
			a.call = c
			delete(p.calls, c.id)
		}
	}
	many, l := len(p.calls)+p.awoken > fewWaiting, p.link
	p.mu.Unlock()
	for i := range list { // without the lock, for who wakes wants it
		if many && l != nil && i == len(list)-1 {
			l.Wake()
		}
		if a := &list[i]; a.call != nil {
			a.call.give(answer{reply: a.Reply})
		} else if p.answered != nil {
			p.answered(a.props, a.Body)
		}
	}
}

// endLate ends the calls whose limit is over, and returns when that of the next one will be; 0: there is none. The caller holds mu.
func (p *Publisher) endLate(now time.Duration) (next time.Duration, some bool) {
	for _, c := range p.calls {
		switch {
		case c.late == 0:
		case c.late <= now:
			c.give(answer{err: ErrLate, gaveUp: true})
			some = true
		case next == 0 || c.late < next:
			next = c.late
		}
	}
	return next, some
}

// breakCalls fails the calls whose message was written: their answers went with the
// connection. Those still held will be made on the next one. culprit, if it is not nil, is whose fate the other side ended it over, and is told so by
// itself. Of several suspects, those are none whose message was confirmed. The caller holds mu.
func (p *Publisher) breakCalls(why error, culprit *Fate, suspects bool) {
	for _, c := range p.calls {
		if c.fate.Stage() == Held || &c.fate == culprit {
			continue
		}
		err := fmt.Errorf("%w: %w", ErrBroken, why)
		if culprit != nil || suspects && c.sure.Load() {
			err = fmt.Errorf("%w: the other side ended it over another message: %v", ErrBroken, why)
		}
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

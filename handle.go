package postrider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// A Handler acts upon one message. Its context ends when the handling is stopped or the node closes, and for a [Call] also when its
// caller's context does.
type Handler func(ctx context.Context, m *Message) error

// Handle has h act upon the messages of a target (a mailbox, a topic or [Node.Inbox]) until
// ctx ends or the node is closed. It does not wait for that: it returns nil once the messages begin to come, and also when the broker cannot be reached
// now; then the handling begins once it can. Errors: the broker's refusal, as a [*RemoteError]; that its certificate is not trusted; ctx's; ErrClosed; and
// what is wrong with the target, as is a name of more than 238 bytes, .dead not counted: the queues beside it, in which messages wait and lie dead,
// have longer ones. A node can receive from as many mailboxes and topics of a broker at a time as a connection there has channels, about 2,040, of which
// each partition takes one; a process can run several nodes.
//
// What h returns settles a message that h has not settled itself:
//
//   - nil acknowledges it; the caller of a [Call] that got no reply gets an empty one.
//   - An error, a panic, or the end of its goroutine by runtime.Goexit (which FailNow of package testing uses) is a failure: the message comes again, after 100 ms the first time, then later and
//     later, see [Backoff]. What comes behind it is handled in the meantime. After [MaxTries] failures it goes to the
//     dead letters, see [Target.Dead].
//   - [Retry] has it come again when the handler says, and is no failure. [Reject] sends it to the dead letters at once.
//   - An error for a [Call] goes back to the caller at once, as a [*RemoteError], and
//     acknowledges the message. A RemoteError is passed on with its code; others have 500.
//   - The error of the handler's context, once the handling has ended, is nobody's failure: the message is put back for
//     another receiver, and so is a Call from a mailbox.
func (n *Node) Handle(ctx context.Context, target *Target, h Handler, opts ...HandleOption) error {
	if h == nil {
		return errNoHandler
	}
	if err := target.receivable(n); err != nil {
		return err
	}
	o := handleOptionsOf(opts)
	if o.wrong != nil {
		return fmt.Errorf("postrider: receiving from %s: %w", target, o.wrong)
	}
	t, err := n.openTap(target, o.workers, o.prefetch, "")
	if err != nil {
		return err
	}
	t.options = o
	if err := t.begun(ctx); err != nil {
		t.leave()
		return err
	}
	if !n.begin(o.workers) {
		t.leave()
		return ErrClosed
	}
	n.startWorkers(ctx, t, n.inward(h), o)
	return nil
}

var errNoHandler = errors.New("postrider: the handler is nil: nothing would be done with what is received")

// startWorkers starts the goroutines of one Handle. They end when ctx does, when the
// node closes, or when the tap is stopped; the last one cleans up. They are counted already.
func (n *Node) startWorkers(ctx context.Context, t *tap, h Handler, o handleOptions) {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, handling{}, n))
	detach := context.AfterFunc(n.ctx, cancel)
	context.AfterFunc(ctx, t.stop)
	stand := newStandIn(ctx, t, h, &o)
	t.stand.Store(stand)
	left := new(atomic.Int64)
	left.Store(int64(o.workers))
	for range o.workers {
		lasting(func() { work(ctx, t, h, &o, stand) }, func() {
			if left.Add(-1) == 0 {
				detach()
				cancel()
				stand.stop()
			}
			n.workers.Done()
		})
	}
}

// receivable tells whether node n can receive what is sent to the target.
func (t *Target) receivable(n *Node) error {
	switch {
	case t.node != n:
		return fmt.Errorf("postrider: %s belongs to another node", t)
	case errors.Is(t.why, ErrClosed):
		return ErrClosed
	case !t.takes:
		return fmt.Errorf("postrider: what is sent to %s is received there, not here: receive from the Inbox, a Mailbox or a Topic", t)
	}
	if t.why == nil {
		if err := t.roomBeside(); err != nil {
			return err
		}
	}
	if t.why == nil && t.sealed {
		if err := n.sealing.opens(t.sealTo); err != nil {
			return advise(fmt.Errorf("postrider: receiving from %s: %w", t, err))
		}
	}
	return advise(t.cause(t.why))
}

// begun waits for the first attempt to receive. Not being connected is no error, unless it is for a certificate that is not trusted.
func (t *tap) begun(ctx context.Context) error {
	select {
	case <-t.intake.first():
	case <-ctx.Done():
		return ctx.Err()
	}
	err := t.target.cause(t.intake.err())
	var refused *RemoteError
	if errors.As(err, &refused) && !refused.passes() || errors.As(err, new(*tls.CertificateVerificationError)) {
		return advise(fmt.Errorf("postrider: receiving from %s: %w", t.target, err))
	}
	return nil
}

// passes reports whether a broker that says so to who begins to receive may say otherwise soon. RabbitMQ has errors of its own while two declare one
// replicated queue, or while the queue has no leader; a broker that shuts down asks its clients to go; and a queue that is not there was made a moment
// before, and somebody has deleted it.
func (e *RemoteError) passes() bool {
	return e.Code == int(amqp.InternalError) || e.Code == int(amqp.ConnectionForced) || e.Code == int(amqp.NotFound)
}

// work is one worker: one message after the other.
func work(ctx context.Context, t *tap, h Handler, o *handleOptions, stand *standIn) {
	var press press
	hand := t.newHand()
	for {
		hand.holds(nil)
		m, ok := t.next(ctx, &press)
		if !ok {
			return
		}
		hand.holds(m)
		if m.more {
			act(ctx, m, h, o)
		} else {
			stand.timed(m)
		}
	}
}

// act handles a message and settles it.
func act(ctx context.Context, m *Message, h Handler, o *handleOptions) {
	m.observed(StepDelivered, nil)
	err := errExited
	defer func() { conclude(ctx, m, err, o) }()
	err = m.handle(ctx, h)
}

// handle has h act upon the message, unless nobody wants that any more; that it is not too late was looked at when it was taken.
func (m *Message) handle(ctx context.Context, h Handler) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c := m.forCaller(ctx); c != nil {
		defer c.done()
		if why := c.ended(); why != nil {
			return why
		}
		err := guarded(c, m, h)
		if why := c.ended(); err != nil && why != nil {
			err = fmt.Errorf("%w: %w", why, err)
		}
		return err
	}
	return guarded(ctx, m, h)
}

// guarded makes a panic an error like others.
func guarded(ctx context.Context, m *Message, h Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handler panicked: %v", p)
			m.log().Error("handler panicked", "message", m.ID, "from", m.From, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if err = h(ctx, m); err != nil {
		_ = err.Error() // that of a nil pointer may panic, which it had better do here
	}
	return err
}

func (m *Message) log() *slog.Logger { return m.tap.target.node.log }

// conclude settles a message after its handler has returned.
func conclude(ctx context.Context, m *Message, err error, o *handleOptions) {
	switch {
	case err == nil && m.run:
		m.book()
	case m.settled.Load() == requeued: // whoever gets it next concludes it
	case m.WantsReply() && m.replied.Load():
		if err != nil && ctx.Err() == nil {
			m.log().Warn("handler failed after it had answered the call", "message", m.ID, "from", m.From, "error", err)
		}
		m.Ack()
	case m.WantsReply() && m.interrupted(ctx, err):
		m.letGo()
	case m.WantsReply():
		if err != nil {
			m.observed(StepFailed, err)
		}
		m.answer(context.WithoutCancel(ctx), err)
		if err != nil {
			m.handOver(buried) // who asks again under its id is handled again
		} else {
			m.ack(true)
		}
	case err == nil:
		m.Ack()
	case ctx.Err() != nil: // it was interrupted, which is nobody's fault
		m.letGo()
	case m.settled.Load() != 0: // the handler acknowledged it, and failed afterwards
		m.log().Warn("handler failed after it had settled the message", "message", m.ID, "from", m.From, "error", err)
	default:
		f, _ := m.Failure()
		v := m.inRoom(o.judge(time.Now(), f, err))
		m.tap.target.node.counts.judged(v, f)
		if v.failure.Tries > f.Tries {
			m.observed(StepFailed, err)
			m.say(v, err)
		} else {
			m.observed(StepReturned, err)
		}
		m.tap.target.node.workers.Add(1) // the caller is one: it cannot be too late
		m.dispose(v)
	}
}

// interrupted reports whether the handler of a call failed because the handling has ended, and others may receive the call: then it goes to them, for its
// caller waits for whoever works on the mailbox.
func (m *Message) interrupted(ctx context.Context, err error) bool {
	t := m.tap.target
	return err != nil && ctx.Err() != nil && !t.isInbox() && !t.copies && !m.late() && !errors.Is(err, errAbandoned) &&
		(errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}

// answer answers a call whose handler has returned, unless it has answered itself.
func (m *Message) answer(ctx context.Context, err error) {
	var body any = []byte(nil)
	if err != nil {
		if m.late() || errors.Is(err, errAbandoned) { // who asked has gone, and may ask again under the same id
			return
		}
		body = remoteError(err)
	}
	if err := m.Reply(ctx, body); err != nil {
		m.log().Warn("reply failed", "message", m.ID, "to", m.From, "error", err)
	}
}

// handlerFailed is the code of a handler's error.
const handlerFailed = 500

func remoteError(err error) *RemoteError {
	var e *RemoteError
	if errors.As(err, &e) {
		return e
	}
	return &RemoteError{Code: handlerFailed, Reason: err.Error()}
}

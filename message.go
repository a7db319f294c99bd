package postrider

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// Message is a message that was received. Its fields may be read by any
// goroutine; Body may be kept, and must not be changed. Small messages that came together share memory: who keeps one, or its Body,
// keeps up to 28 KiB. It is settled once, by Ack or Requeue; the
// first one counts. One that is never settled comes again when this node is gone.
type Message struct {
	ID          string // unique among the messages of its sender; empty from senders that set none
	From        string // the sender's name, as the sender tells it: who is let in can use another's; what is proven is SealedBy
	To          string // the name of the target it was sent to
	ContentType string
	Body        []byte // of a sealed message what was in it
	// Redelivered: a receiver may have seen it before, and acted upon it. Brokers that are reached over AMQP mark all that they had sent to a receiver and
	// that comes back, whether it was seen or not; the broker in this node, after an orderly end, only what was seen. What came to the inbox together may
	// be marked together after a restart.
	Redelivered bool

	more    bool          // others waited behind it: its ack may go with theirs
	settled atomic.Uint32 // 0, acked, requeued or booked
	*origin
	tag  uint64
	mark mark // where it is noted what becomes of it
}

// origin is where a message came from. Messages of one run have one in common, see run; what may differ among them is in the Message.
type origin struct {
	tap      *tap
	from     settler
	props    amqp.RawProperties
	wanted   bool // a reply is
	receipt  bool // the sender wants to be told when it was handled
	headed   bool // it has headers
	run      bool // it is of a run: that it was handled may be booked first
	replied  atomic.Bool
	opened   *opened       // of a sealed one
	deadline time.Duration // after the start of this process: nobody wants it handled later; 0: no matter
}

// message makes an arrival into what a receiver sees.
func (t *tap) message(a *arrival, p *press) *Message {
	size := len(a.props) + len(a.body)
	m := p.next(size, a.more)
	m.To, m.Body, m.Redelivered = t.target.name, a.body, a.redelivered
	m.tap, m.from, m.tag, m.more, m.props = t, a.from, a.tag, a.more, a.props
	l, id := p.look(a)
	m.From, m.ContentType = l.from, l.contentType
	m.wanted, m.receipt, m.headed = l.wanted, l.receipt, l.headed
	m.Redelivered = m.Redelivered || l.again
	if a.id != nil {
		m.ID = p.named(a.id, a.from.(*packed).prefix)
	} else {
		m.ID = p.id(id, size, a.more)
	}
	if a.came != 0 {
		m.deadline = a.expires()
	}
	return m
}

// Decode puts the body into what v points to: as it is for a *[]byte, and for a *string unless it is JSON; else by the codec of its content type, JSON or one of
// [Config.Codecs]. One that none decodes is [ErrNoCodec].
func (m *Message) Decode(v any) error {
	return m.tap.target.node.decode(m.ContentType, m.Body, v)
}

// Key is what the message is about, as its sender says, see [Key]; "" if it does not. In a topic it is the routing key of what other programs publish.
func (m *Message) Key() string { return text(m.headers(), headerKey) }

// Header is the value of a header, as the sender gave it; integers are an int64, and times are in whole seconds. nil if there is none
// of that name.
func (m *Message) Header(name string) any {
	h := m.headers()
	if m.opened != nil {
		h = m.opened.headers
	}
	if len(h) == 0 {
		return nil
	}
	v, _, _ := amqp.LookupTable(h, name)
	if n, ok := amqp.Integer(v); ok {
		return n
	}
	return v
}

// Headers are all headers that the sender gave; none where they are beyond the bounds of package amqp (64 KiB, 8 tables inside one another), as RabbitMQ lets
// them pass. [Message.Header] finds each that is itself within them.
func (m *Message) Headers() map[string]any {
	var all amqp.Table
	switch h := m.headers(); {
	case m.opened != nil && len(m.opened.headers) > 0:
		_, all, _ = amqp.ParseTable(m.opened.headers)
	case m.opened == nil && len(h) > 0:
		_, all, _ = amqp.ParseTable(h)
	}
	for name, v := range all {
		if strings.HasPrefix(name, reserved) {
			delete(all, name)
		} else if n, ok := amqp.Integer(v); ok {
			all[name] = n
		}
	}
	return all
}

// WantsReply reports whether the sender waits for an answer, in a [Call].
func (m *Message) WantsReply() bool { return m.wanted }

// Reply answers a [Call]. The first answer counts. One to a message that was not a Call is dropped, so a handler need not know how its
// messages are sent. Reply does not wait until the caller has the answer, which may go out with others up to a millisecond later, and does not settle the message.
func (m *Message) Reply(ctx context.Context, body any) error {
	v, err := m.props.View()
	if err != nil || !m.wanted {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t := m.tap.target
	d, err := t.draft(body, &sendOptions{})
	if err == nil {
		err = m.encloseAnswer(&d)
	}
	if err != nil {
		return err
	}
	if m.replied.Swap(true) {
		return nil
	}
	m.minded(&d)
	if err := m.back().reply(v.ReplyTo, v.CorrelationID, d, m.more); err != nil {
		err = t.failed(d.id, err, false)
		m.unsent(len(d.body), err)
		return err
	}
	return nil
}

// How a message was settled.
const (
	acked    = 1
	requeued = 2
	booked   = 3 // acked, and told of later, see run
)

// Gone returns a channel that is closed when the message is no longer this receiver's to settle: the connection that it came
// by broke, and the broker hands it out again, or the node closed. Who works long on a message can stop then.
func (m *Message) Gone() <-chan struct{} {
	if gone := m.from.gone(m.tag); gone != nil {
		return gone
	}
	return m.tap.target.node.ctx.Done()
}

// Ack says that the message is done with: it does not come again. The broker may hear of it, together with others, up to a millisecond
// later; with [Config.Dir], after it was noted on the disk that the message was handled. Once this node is closed it is too late, and the error may be ErrClosed.
func (m *Message) Ack() error { return m.ack(true) }

// ack is Ack. It is no step of the message's unless it was handled.
func (m *Message) ack(handled bool) error {
	if !m.settled.CompareAndSwap(0, acked) {
		return nil
	}
	if handled {
		m.observed(StepHandled, nil)
	}
	if k := m.tap.marker; k != nil && m.mark.page != nil && k.put(m) {
		return nil
	}
	return m.end(m.more)
}

// Requeue puts the message back where it was; it comes again, marked redelivered, to
// this receiver or another.
func (m *Message) Requeue() error { return m.requeue(m.from.giveBack) }

// requeue is Requeue, where how sees to it that the message comes again.
func (m *Message) requeue(how func(tag uint64) error) error {
	if !m.settled.CompareAndSwap(0, requeued) {
		return nil
	}
	m.observed(StepReturned, nil)
	defer m.tap.settled(m.mark, givenBack)
	return how(m.tag)
}

// letGo puts back a message whose receiver ends. Who receives alone gives everything back as a whole when he has ended, for a quorum queue puts
// what comes back by itself behind what its receiver still has.
func (m *Message) letGo() {
	if !m.tap.target.single || m.tap.target.partitions > 0 {
		m.Requeue()
		return
	}
	m.requeue(func(tag uint64) error {
		m.from.seen(tag)
		return nil
	})
}

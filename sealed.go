package postrider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/seal"
)

// opened is what a sealed message was before it was opened, and what was in it beside the body.
type opened struct {
	raw     []byte // the body that brokers know
	headers []byte // those of its sender; nil: none
	by      *seal.Granted
}

// SealedBy is the name of the node that has sealed the message, by its certificate; "" of a message that came as it is. With a mailbox
// it may also have been one of those who have the mailbox's private key, in that node's name, see [Config.Keys].
func (m *Message) SealedBy() string {
	if m.opened == nil {
		return ""
	}
	return m.opened.by.Sender
}

// raw is the body as brokers have it.
func (m *Message) raw() []byte {
	if m.opened == nil {
		return m.Body
	}
	return m.opened.raw
}

// unseal opens a message that is sealed, and is why it is not to be handed out. What is plain passes where nothing else is asked for.
func (m *Message) unseal(p *press) error {
	t := m.tap.target
	if m.ContentType != typeSealed {
		if t.sealed && !m.isOwnControl() {
			return fmt.Errorf("%w, and only what is sealed to %v is taken here", ErrUnsealed, t.sealTo)
		}
		return nil
	}
	s := t.node.sealing
	if s == nil {
		return fmt.Errorf("%w: it is sealed, and this node has no Config.Keys", ErrNoKey)
	}
	now := time.Now()
	grant, rest, err := seal.Cut(m.Body)
	if err != nil {
		return sealBroken(err)
	}
	g, err := s.granted(grant, now)
	if err != nil {
		return sealBroken(err)
	}
	if g.Target != t.sealTo {
		return fmt.Errorf("%w: it is sealed to %v, and was put into %s", ErrSeal, g.Target, t)
	}
	b, err := m.bound()
	if err != nil {
		return sealBroken(err)
	}
	v, err := g.Open(rest, &b, now)
	if err != nil {
		return sealBroken(err)
	}
	if g.Sender != m.From {
		return fmt.Errorf("%w: it says that it is from %q, and %q has sealed it", ErrSeal, m.From, g.Sender)
	}
	if len(v.Headers) > 0 {
		if rest, err := amqp.CheckTable(v.Headers); err != nil || len(rest) > 0 {
			return fmt.Errorf("%w: its headers cannot be read", ErrSeal)
		}
	}
	m.opened = &opened{raw: m.Body, headers: v.Headers, by: g}
	m.Body, m.ContentType = v.Body, p.names.String(v.Type)
	return nil
}

// bound is what is plain of a message and bound to its seal.
func (m *Message) bound() (b seal.Bound, err error) {
	v, err := m.props.View()
	if err != nil {
		return b, err
	}
	b.ID, b.Correlation = v.MessageID, v.CorrelationID
	if b.ID == nil { // it came in a pack
		b.ID = []byte(m.ID)
	}
	switch {
	case m.receipt:
		b.Wish = seal.Receipt
	case m.wanted:
		b.Wish = seal.Answer
	}
	if m.headed {
		b.Key, b.Control = []byte(text(v.Headers, headerKey)), []byte(text(v.Headers, headerControl))
	}
	return b, nil
}

func sealBroken(err error) error {
	var missing *seal.NoPrivateKeyError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	return fmt.Errorf("%w: %w", ErrSeal, err)
}

// isOwnControl reports whether it is a control message of this package's own, which are not sealed: they say that somebody is there, or that
// nobody waits for a call any more.
func (m *Message) isOwnControl() bool {
	return m.tap.target.control && strings.HasPrefix(text(m.headers(), headerControl), ownControl)
}

// refuse ends a message that cannot be opened, or ought to be sealed: it is a dead letter at once. Where only the key is missing it is tried
// again first, as after a failure, for others may have it. It never reaches a handler or a loop.
func (m *Message) refuse(err error) {
	t := m.tap.target
	err = advise(err)
	switch {
	case t.control:
		t.node.control.conclude(m, &RemoteError{Code: int(amqp.AccessRefused), Reason: err.Error()})
		return
	case m.wanted:
		m.log().Error("a call was refused", "message", m.ID, "from", m.From, "target", t.String(), "error", err)
		m.answer(context.Background(), &RemoteError{Code: int(amqp.AccessRefused), Reason: err.Error()})
		m.ack(false)
		return
	}
	if !t.node.begin(1) {
		m.Requeue()
		return
	}
	f, _ := m.Failure()
	v := verdict{failure: f.and(time.Now(), err), dead: true, why: err}
	if errors.Is(err, ErrNoKey) {
		v = m.tap.options.judge(time.Now(), f, err)
	}
	v = m.inRoom(v)
	t.node.counts.judged(v, f)
	m.observed(StepFailed, err)
	m.say(v, err)
	m.dispose(v)
}

// encloseAnswer seals what is told of a message to who has sealed it.
func (m *Message) encloseAnswer(d *draft) error {
	if m.opened == nil {
		return nil
	}
	c := seal.Content{Time: time.Now(), Type: d.style.contentType(), Body: d.body}
	if d.more != nil && d.more.contentType != "" {
		c.Type = d.more.contentType
	}
	body, err := m.opened.by.SealAnswer(seal.OfAnswer, []byte(m.ID), nonce(), &c)
	if err != nil {
		return err
	}
	d.body, d.style, d.more = body, styleSealed+d.style/formats*formats, nil
	return nil
}

func nonce() (n [12]byte) {
	rand.Read(n[:]) // never fails
	return n
}

// openAnswer opens an answer to the message with that id, under its secret.
func openAnswer(secret *seal.Secret, id string, a answer) (answer, error) {
	switch {
	case secret == nil && a.contentType == typeSealed:
		return answer{}, fmt.Errorf("%w: the answer is sealed, and the question was not", ErrSeal)
	case secret == nil:
		return a, nil
	case a.contentType == typeError: // of who could not open the question; or so somebody says
		return answer{}, fmt.Errorf("the answer: %w, and says: %w", ErrUnsealed, refusal(a.body))
	case a.contentType != typeSealed:
		return answer{}, fmt.Errorf("the answer: %w", ErrUnsealed)
	}
	v, err := secret.OpenAnswer(seal.OfAnswer, []byte(id), a.body)
	if err != nil {
		return answer{}, fmt.Errorf("the answer: %w", sealBroken(err))
	}
	return answer{contentType: string(v.Type), body: v.Body}, nil
}

// headerSealedReason has the reason of a sealed message's failure, for a handler's error may tell what is in the message.
const headerSealedReason = "x-postrider-sealed-reason"

// concealed stands in its place for who cannot open it.
const concealed = "(sealed, as the message is)"

// conceal hides why a sealed message failed from everybody but those who can open it.
func (m *Message) conceal(p *amqp.Properties, f Failure) error {
	if m.opened == nil || f.Tries == 0 {
		return nil
	}
	sealed, err := m.opened.by.SealAnswer(seal.OfFailure, []byte(m.ID), nonce(), &seal.Content{Time: time.Now(), Body: []byte(f.Reason)})
	if err == nil {
		p.Headers[headerReason], p.Headers[headerSealedReason] = concealed, sealed
		p.RawHeaders, err = amqp.WithoutNames(p.RawHeaders, headerSealedReason)
	}
	return err
}

// reason is why it failed.
func (m *Message) reason(headers []byte) string {
	plain := text(headers, headerReason)
	if m.opened == nil || plain != concealed {
		return plain
	}
	v, _, _ := amqp.LookupTable(headers, headerSealedReason)
	sealed, _ := v.([]byte)
	r, err := m.opened.by.OpenAnswer(seal.OfFailure, []byte(m.ID), sealed)
	if err != nil {
		return plain
	}
	return string(r.Body)
}

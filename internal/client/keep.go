package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// A Keeper keeps what was posted where it survives this process, until it is confirmed or fails for good. Its methods are
// called under the Publisher's lock, mostly, and must not call back.
type Keeper interface {
	// Keep copies a message that is for target; an error refuses it. The ticket is not 0. It is encoded in m and, if it is large, in what follows
	// on that, in pieces.
	Keep(m Kept, rest ...[]byte) (ticket uint64, err error)
	// Done says that the messages of these tickets are needed no more.
	Done(tickets []uint64)
}

// Kept is a message as a [Keeper] keeps it.
type Kept struct {
	Ticket  uint64 // to be handed to Restore; Keep gives another
	Target  string
	Encoded []byte    // the publish, frame by frame; none is larger than 128 MiB
	Expires time.Time // zero: never

	// Where it goes now, for Restore; both "": where it says itself.
	Exchange, Key string
}

// more is what the log has to know of a message beside its bytes, which it has the keeper keep; mostly nil. Who waits for a message is told when this
// process ends, so that it is not kept. It is made in room, if there is any. The caller holds mu.
func (p *Publisher) more(f *Fate, env *Envelope, id, body []byte, wait bool, room *more) (*more, error) {
	keep := env.keep != "" && p.keeper != nil && !wait
	if env.expires == 0 && !keep {
		return nil, nil
	}
	m := room
	if m == nil {
		m = new(more)
	}
	*m = more{}
	k := Kept{Target: env.keep}
	if env.expires != 0 {
		m.expires = p.now() + env.expires
	}
	if keep {
		if env.expires != 0 {
			k.Expires = time.Now().Add(env.expires)
		}
		var err error
		if m.ticket, err = p.keep(k, env, id, body); err != nil {
			return nil, err
		}
		f.rare().kept = m.ticket
	}
	p.expireAt(m.expires)
	return m, nil
}

// keep hands a message to the keeper. A large body goes there from where it is, in one frame, for a buffer of its size would be memory that is new to
// the process. The caller holds mu.
func (p *Publisher) keep(k Kept, env *Envelope, id, body []byte) (ticket uint64, err error) {
	if n := len(body); n > chunkSize && n <= largestFrame {
		p.scratch = appendFrameHead(env.appendHead(p.scratch[:0], id, n), amqp.FrameBody, n)
		k.Encoded = p.scratch
		return p.keeper.Keep(k, body, frameEnd)
	}
	p.scratch = env.appendTo(p.scratch[:0], id, body, defaultFrameMax)
	k.Encoded = p.scratch
	if cap(p.scratch) > chunkSize+chunkSize/4 {
		p.scratch = nil
	}
	return p.keeper.Keep(k)
}

// largestFrame is the most that is kept in one frame. parse takes up to 128 MiB.
const largestFrame = 16 << 20

var frameEnd = []byte{amqp.FrameEnd}

// Restore accepts a message that was kept in a former life of this process, bounds or not, as Post does. The fate is decided as for Post.
func (p *Publisher) Restore(f *Fate, k Kept) error {
	env, id, body, err := k.parse()
	if err != nil {
		return err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	m := &more{ticket: k.Ticket}
	if !k.Expires.IsZero() {
		left := min(time.Until(k.Expires), MaxExpiry)
		m.expires, env = max(1, p.now()+left), env.Expiring(left)
	}
	f.rare().kept = k.Ticket
	p.log.add(f, env, id, 0, body, false, m)
	p.expireAt(m.expires)
	l := p.writable()
	p.mu.Unlock()
	if l != nil {
		l.Wake()
	}
	return nil
}

// parse makes of it what a sendLog takes.
func (k *Kept) parse() (env *Envelope, id, body []byte, err error) {
	publish, p, body, err := k.read()
	if err != nil {
		return nil, nil, nil, err
	}
	id = []byte(p.MessageID)
	p.Expiration = ""
	if k.Exchange != "" || k.Key != "" {
		publish.Exchange, publish.RoutingKey = k.Exchange, k.Key
	}
	env, err = NewEnvelope(publish.Exchange, publish.RoutingKey, publish.Mandatory, p)
	return env, id, body, err
}

// read takes the publish apart.
func (k *Kept) read() (publish *amqp.BasicPublish, p amqp.Properties, body []byte, err error) {
	for rest := k.Encoded; len(rest) > 0; {
		var f amqp.Frame
		var ok bool
		if rest, f, ok, err = amqp.ParseFrame(rest, 0); err != nil || !ok {
			return nil, p, nil, errNoPublish
		}
		switch f.Type {
		case amqp.FrameMethod:
			m, _ := amqp.ParseMethod(f.Payload, nil)
			publish, _ = m.(*amqp.BasicPublish)
		case amqp.FrameHeader:
			_, _, props, err := amqp.ParseHeader(f.Payload)
			if err != nil || p.Parse(props, nil) != nil {
				return nil, p, nil, errNoPublish
			}
		case amqp.FrameBody:
			body = append(body, f.Payload...)
		}
	}
	if publish == nil {
		return nil, p, nil, errNoPublish
	}
	return publish, p, body, nil
}

var errNoPublish = errors.New("what the outbox has kept is no message")

// now is the time on the clock that messages expire by.
func (p *Publisher) now() time.Duration { return time.Since(p.born) }

// expireAt has the timer ring when a message expires. The caller holds mu.
func (p *Publisher) expireAt(at time.Duration) {
	if at == 0 || p.due != 0 && p.due <= at {
		return
	}
	p.due = at
	left := max(1, at-p.now()) // not 0: in a bubble of synctest, timers that are due when they are set may crash the race detector (Go 1.26)
	if p.timer == nil {
		p.timer = time.AfterFunc(left, p.expire)
		return
	}
	p.timer.Reset(left)
}

// restBetween keeps messages that expire one shortly after the other from costing a look at all of them each.
const restBetween = 10 * time.Millisecond

// expire is what the timer does: it decides the fates of messages that were not written in time, and ends calls whose limit is over.
func (p *Publisher) expire() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.due = 0
	now := p.now()
	expired, next := p.log.expire(now, nil)
	limit, late := p.endLate(now)
	if next == 0 || limit != 0 && limit < next {
		next = limit
	}
	if next != 0 {
		p.expireAt(max(next, now+restBetween))
	}
	why := p.reason()
	p.freed()
	l := p.link
	p.mu.Unlock()
	if late && l != nil {
		l.Interrupt() // one of them may read for himself
	}
	err := ErrExpired
	if why != nil {
		err = fmt.Errorf("%w: %w", ErrExpired, why)
	}
	for _, f := range expired {
		f.decide(err, Written)
	}
}

// ID is the message's id.
func (k *Kept) ID() string {
	_, p, _, _ := k.read()
	return p.MessageID
}

// Header is a header of the message, if it is text.
func (k *Kept) Header(name string) string {
	_, p, _, _ := k.read()
	text, _ := p.Headers[name].(string)
	return text
}

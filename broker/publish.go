package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// ErrUnroutable is the fate of a mandatory message that no queue took.
var ErrUnroutable = errors.New("no queue took the message")

// ErrFull is the fate of a message that a queue refused because it is full: one
// declared with x-overflow reject-publish or reject-publish-dlx, or one of Bound.
var ErrFull = errors.New("a queue is full and refused the message")

// ErrUnconfirmed is the fate of a message that the broker had taken and not confirmed yet when it closed because its disk
// had failed: it may be there after a restart. It is an ErrClosed, which by itself tells that the message was not taken.
var ErrUnconfirmed = fmt.Errorf("%w: what it had taken is not safe", ErrClosed)

// ErrBlocked is why a Conn has to wait before it publishes: the broker is low on memory or disk.
var ErrBlocked = errors.New("the broker takes no messages for now")

// Ready returns when the broker takes messages: it is low on nothing, and not too much waits for the disk.
// Publish does not ask; who publishes much does, before each message or run of messages. If ctx ends first, its error
// comes joined with ErrBlocked and the reason.
func (c *Conn) Ready(ctx context.Context) error {
	if c.isClosed() {
		return ErrClosed
	}
	if why := c.broker.core.Shortage(); why != 0 {
		if err := c.broker.core.AwaitRelief(ctx); err != nil {
			return c.blocked(err, why.String())
		}
	}
	if err := c.broker.core.Throttle(ctx); err != nil {
		return c.blocked(err, "the disk is slow or full")
	}
	return nil
}

func (c *Conn) blocked(err error, why string) error {
	if closed := closedError(err); closed == ErrClosed {
		return closed
	}
	return fmt.Errorf("%w: %s: %w", ErrBlocked, why, err)
}

// Blocked is the reason why Ready would wait for memory or disk; empty when it would not.
func (c *Conn) Blocked() string { return c.broker.core.Shortage().String() }

// Publishing is a message to publish. Body must not be changed afterwards.
type Publishing struct {
	Exchange, Key string
	Mandatory     bool // ErrUnroutable when no queue takes it
	Properties    amqp.Properties
	Body          []byte
}

// Confirmer learns what became of a publish, exactly once, and maybe before
// Publish returns: nil when the broker took responsibility, after the journal's
// sync where the message is persistent and a queue durable; or ErrUnroutable, ErrFull, ErrClosed, ErrUnconfirmed. It must not block.
type Confirmer interface{ Confirmed(error) }

// Publish routes a message into its queues. The error says that it was not
// published and conf will not be called: ErrClosed, 404 no such exchange, 403
// an internal one, 406 a body over 128 MiB or a bad expiration, or names over 255 bytes and
// properties that cannot be encoded. conf may be nil.
func (c *Conn) Publish(p *Publishing, conf Confirmer) error {
	if c.isClosed() {
		return ErrClosed
	}
	props, err := p.encode()
	if err != nil {
		return err
	}
	m := core.NewMessage(p.Exchange, p.Key, props, p.Body)
	via := c.publisher()
	out, err := via.Publish(&via.burst, m)
	if err == nil && !out.Routed && p.Mandatory {
		via.burst.Returned()
	}
	c.done(via)
	if err != nil {
		return closedError(err)
	}
	c.confirm(p, out, conf)
	return nil
}

// encode checks what a consumer on a socket could not be sent.
func (p *Publishing) encode() (amqp.RawProperties, error) {
	if err := fits(len(p.Exchange), len(p.Key), len(p.Body)); err != nil {
		return nil, err
	}
	if p.Properties.Expiration != "" {
		if err := core.CheckExpiration(p.Properties.Expiration); err != nil {
			return nil, err
		}
	}
	q := &p.Properties
	room := propertiesRoom + len(q.ContentType) + len(q.CorrelationID) + len(q.ReplyTo) + len(q.MessageID) + len(q.AppID)
	return q.Append(make([]byte, 0, room))
}

// fits checks lengths in bytes.
func fits(exchange, key, body int) error {
	switch {
	case body > maxMessage:
		return amqp.Errorf(amqp.PreconditionFailed, "message size %d is larger than max size %d", body, maxMessage)
	case exchange > maxShort || key > maxShort:
		return fmt.Errorf("broker: exchange of %d bytes and key of %d: at most %d can be sent", exchange, key, maxShort)
	}
	return nil
}

// propertiesRoom is enough for the other properties of most messages, in bytes.
const propertiesRoom = 24

// maxShort is what a short string of the protocol holds, in bytes.
const maxShort = 255

func (c *Conn) confirm(p *Publishing, out core.Outcome, conf Confirmer) {
	switch {
	case conf == nil:
	case !out.Routed && p.Mandatory:
		conf.Confirmed(ErrUnroutable)
	case out.Held:
		conf.Confirmed(ErrClosed)
	case out.Full:
		conf.Confirmed(ErrFull)
	case out.LSN == 0 || c.broker.core.IsDurable(out.LSN):
		c.broker.core.Count(core.Confirmed, 1)
		conf.Confirmed(nil)
	default:
		c.broker.confirms.add(out.LSN, conf)
	}
}

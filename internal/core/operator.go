package core

import (
	"context"
	"errors"

	"github.com/postrider-mq/postrider/amqp"
)

// An Operator does in a virtual host what people and their tools ask for: as a client without a connection, and with the same errors.
type Operator struct {
	client *Client
	core   *Core
}

// Operator returns one who may do everything in v but use what is exclusive.
func (v *VHost) Operator() Operator { return Operator{v.NewClient("operator"), v.core} }

// Do runs one operation as a burst of its own.
func (o Operator) Do(op func(*Client, *Burst) error) error {
	var b Burst
	b.Begin(o.core.Now())
	err := op(o.client, &b)
	b.End()
	return err
}

// DeleteQueue is Client.DeleteQueue, for which no queue is too exclusive.
func (o Operator) DeleteQueue(ctx context.Context, name string, ifUnused, ifEmpty bool) error {
	return o.Do(func(c *Client, b *Burst) error {
		q, ok := c.VHost.table.Load().Queue(name)
		if !ok {
			return nil
		}
		if err := q.retire(ifUnused, ifEmpty); err != nil {
			return err
		}
		_, lsn := c.VHost.removeQueue(b, q)
		return c.VHost.core.await(ctx, b, lsn)
	})
}

// PurgeQueue drops a queue's ready messages, whose own it may be. Errors: 404.
func (o Operator) PurgeQueue(name string) error {
	return o.Do(func(c *Client, b *Burst) error {
		q, ok := c.VHost.table.Load().Queue(name)
		if !ok || q.isGone() {
			return amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '%s'", name, c.VHost.Name)
		}
		q.purge(b)
		return nil
	})
}

// ErrRejected is the error of a message that a queue does not take because it is full, or the disk because it is.
var ErrRejected = errors.New("rejected")

// Publish publishes a message and waits until the broker is responsible for it; when it is low on memory or disk, until that is over. routed says
// whether a queue took it. Errors: those of a publish, ErrRejected, ErrClosed, the context's.
func (o Operator) Publish(ctx context.Context, m *Message) (routed bool, err error) {
	if err := o.core.AwaitRelief(ctx); err != nil {
		return false, err
	}
	if err := o.core.Throttle(ctx); err != nil {
		return false, err
	}
	if o.core.Refuses() && m.Persistent() {
		return false, ErrRejected
	}
	err = o.Do(func(c *Client, b *Burst) error {
		out, err := c.VHost.NewPublisher().Publish(b, m)
		switch {
		case err != nil:
			return err
		case out.Held:
			return ErrClosed
		case out.Full:
			return ErrRejected
		}
		if routed = out.Routed; !routed {
			b.Returned()
		}
		return o.core.await(ctx, b, out.LSN)
	})
	return routed, err
}

// An End is what becomes of messages that somebody has taken to look at.
type End uint8

const (
	TakenOut  End = iota // they are settled
	PutBack              // they go back to their places, marked redelivered
	Discarded            // they were refused, and are dead
)

// Take takes messages from a queue, one by one, and hands each to do with how many are ready after it, until there is none or do says that it was
// the last. Then all come to their end. Errors: those of a get.
func (o Operator) Take(ctx context.Context, queue string, end End, do func(m *Message, redelivered bool, left int) bool) error {
	if end == Discarded { // that publishes dead letters
		if err := o.core.Throttle(ctx); err != nil {
			return err
		}
	}
	return o.Do(func(c *Client, b *Burst) error {
		var from *Queue
		var out []uint64
		defer func() {
			switch {
			case from == nil:
			case end == PutBack:
				from.Requeue(b, out...)
			case end == Discarded:
				from.Discard(b, out...)
			}
		}()
		for {
			q, d, left, ok, err := c.Get(ctx, b, queue, end == TakenOut)
			if err != nil || !ok {
				return err
			}
			if q != from { // of one that was deleted nothing is out any more
				from, out = q, out[:0]
			}
			if end != TakenOut {
				out = append(out, d.Pos)
			}
			m := d.Message
			if m == nil {
				b.pause() // the disk takes its time
				m, err = new(Loader).Keep(d.Paged)
			}
			switch {
			case errors.Is(err, ErrLost), errors.Is(err, ErrSettled):
				continue
			case err != nil:
				return err
			case !do(m, d.Redelivered, left):
				return nil
			}
		}
	})
}

package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/session"
)

// A Channel works on queues, one step at a time. What it has got and not settled when it closes goes back, in its
// order. A refusal is an *amqp.Error and ends it.
type Channel struct {
	line     *Line
	n        uint16
	confirms bool
}

// Message is one that was got from a queue.
type Message struct {
	Tag         uint64
	Redelivered bool
	Left        int // how many were ready behind it
	Props       amqp.RawProperties
	Body        []byte
}

// Counted reports whether the queue counts how often it has delivered a message, as a quorum queue does.
func (m *Message) Counted() bool {
	var p amqp.Properties
	if p.ParseRaw(m.Props, nil) != nil {
		return false
	}
	_, counted, _ := amqp.LookupTable(p.RawHeaders, "x-delivery-count")
	return counted
}

// Channel opens a channel. Only one may be open on a line.
func (l *Line) Channel(ctx context.Context) (*Channel, error) {
	n, open, err := l.proto.OpenChannel()
	if err != nil {
		return nil, err
	}
	if err = l.write(open); err == nil {
		_, err = l.await(session.ChannelOpen)
	}
	if err != nil {
		return nil, because(ctx, err)
	}
	return &Channel{line: l, n: n}, nil
}

// Close gives back what was not settled.
func (c *Channel) Close() error { return c.line.closeChannel(c.n) }

// ask sends a method and returns the answer, of one of the kinds given.
func (c *Channel) ask(ctx context.Context, m amqp.Method, kinds ...session.Kind) (session.Event, error) {
	err := c.tell(m)
	if err != nil {
		return session.Event{}, because(ctx, err)
	}
	ev, err := c.line.await(kinds...)
	return ev, because(ctx, err)
}

func (c *Channel) tell(m amqp.Method) error {
	b, err := m.AppendFrame(nil, c.n)
	if err != nil {
		return err
	}
	return c.line.write(b)
}

// Declare makes sure of a durable queue; one that exists is left as it is.
func (c *Channel) Declare(ctx context.Context, name string, args amqp.Table) error {
	_, err := c.ask(ctx, &amqp.QueueDeclare{Queue: name, Durable: true, Arguments: args}, session.Reply)
	return err
}

// DeclareOwn makes a queue that is this connection's alone, and ends with it.
func (c *Channel) DeclareOwn(ctx context.Context) (name string, err error) {
	ev, err := c.ask(ctx, &amqp.QueueDeclare{Exclusive: true}, session.Reply)
	if err != nil {
		return "", err
	}
	ok, is := ev.Method.(*amqp.QueueDeclareOk)
	if !is {
		return "", fmt.Errorf("the server answered with %s", ev.Method.ID())
	}
	return ok.Queue, nil
}

// Get takes the first message of a queue; nil when there is none.
func (c *Channel) Get(ctx context.Context, queue string) (*Message, error) {
	ev, err := c.ask(ctx, &amqp.BasicGet{Queue: queue}, session.Deliver, session.Reply)
	if err != nil {
		return nil, err
	}
	got, ok := ev.Method.(*amqp.BasicGetOk)
	if !ok {
		return nil, nil // get-empty
	}
	return &Message{
		Tag: got.DeliveryTag, Redelivered: got.Redelivered, Left: int(got.MessageCount),
		Props: ev.Content.Props, Body: ev.Content.Body,
	}, nil
}

// Ack ends a message.
func (c *Channel) Ack(tag uint64) error { return c.tell(&amqp.BasicAck{DeliveryTag: tag}) }

// Requeue puts a message back to its place.
func (c *Channel) Requeue(tag uint64) error {
	return c.tell(&amqp.BasicNack{DeliveryTag: tag, Requeue: true})
}

var (
	// ErrUnroutable is returned by Publish when the queue is not there.
	ErrUnroutable = errors.New("there is no such queue")
	// ErrRefused is returned by Publish when the broker does not take the message.
	ErrRefused = errors.New("the broker refuses the message")
)

// Publish puts a message into a queue and waits until the broker has taken responsibility for it.
func (c *Channel) Publish(ctx context.Context, queue string, props amqp.RawProperties, body []byte) error {
	if !c.confirms {
		if _, err := c.ask(ctx, &amqp.ConfirmSelect{}, session.Reply); err != nil {
			return err
		}
		c.confirms = true
	}
	b, err := (&amqp.BasicPublish{RoutingKey: queue, Mandatory: true}).AppendFrame(nil, c.n)
	if err != nil {
		return err
	}
	b = amqp.AppendHeaderFrame(b, c.n, basicClass, uint64(len(body)), props)
	b = amqp.AppendBodyFrames(b, c.n, body, c.line.proto.FrameMax())
	if err := c.line.write(b); err != nil {
		return because(ctx, err)
	}
	returned := false
	for {
		ev, err := c.line.await(session.Confirm, session.Deliver)
		switch {
		case err != nil:
			return because(ctx, err)
		case ev.Kind == session.Deliver: // the confirm of what is returned follows
			returned = true
			continue
		case returned:
			return ErrUnroutable
		}
		if _, ok := ev.Method.(*amqp.BasicNack); ok {
			return ErrRefused
		}
		return nil
	}
}

const basicClass = uint16(amqp.BasicPublishID >> 16)

// Purge removes what is ready in a queue and returns how many that were.
func (c *Channel) Purge(ctx context.Context, queue string) (int, error) {
	ev, err := c.ask(ctx, &amqp.QueuePurge{Queue: queue}, session.Reply)
	if err != nil {
		return 0, err
	}
	ok, is := ev.Method.(*amqp.QueuePurgeOk)
	if !is {
		return 0, fmt.Errorf("the server answered with %s", ev.Method.ID())
	}
	return int(ok.MessageCount), nil
}

// Delete deletes a queue and returns how many messages were in it. With ifUnused one that has consumers is
// refused, with ifEmpty one that has messages.
func (c *Channel) Delete(ctx context.Context, queue string, ifUnused, ifEmpty bool) (int, error) {
	ev, err := c.ask(ctx, &amqp.QueueDelete{Queue: queue, IfUnused: ifUnused, IfEmpty: ifEmpty}, session.Reply)
	if err != nil {
		return 0, err
	}
	ok, is := ev.Method.(*amqp.QueueDeleteOk)
	if !is {
		return 0, fmt.Errorf("the server answered with %s", ev.Method.ID())
	}
	return int(ok.MessageCount), nil
}

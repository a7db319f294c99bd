package core

import (
	"context"
	"slices"
)

// Prepared is a message that was routed and is published later, if at all.
type Prepared struct {
	Message *Message
	queues  []*Queue
	reply   *ReplyConsumer
	from    *Core // whose publisher it came from; nil for a dead letter
}

// Prepare routes m as Publish does, and leaves it at that. The errors are the same.
func (p *Publisher) Prepare(m *Message) (Prepared, error) {
	if reply, ok := p.vhost.replyTo(m); ok {
		return Prepared{Message: m, reply: reply, from: p.vhost.core}, nil
	}
	queues, err := p.route(m)
	return Prepared{Message: m, queues: slices.Clone(queues), from: p.vhost.core}, err
}

// Publish puts the message into the queues that it was routed to, as far as
// they are still there.
func (p *Prepared) Publish(b *Burst) Outcome {
	var out Outcome
	switch {
	case p.reply != nil:
		out.Routed = p.reply.deliver(b, p.Message)
	case len(p.queues) == 1:
		out = p.queues[0].publish(b, p.Message)
	case len(p.queues) > 1:
		out = publishAll(b, p.queues, p.Message)
	}
	if p.from == nil {
		return out
	}
	return b.received(p.from, out)
}

// Commit returns when everything that was done so far is durable, the dead
// letters of the burst included.
func (c *Core) Commit(ctx context.Context, b *Burst) error {
	if c.journal == nil {
		return nil
	}
	b.bury()
	return c.await(ctx, b, c.journal.Last())
}

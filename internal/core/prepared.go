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
}

// Prepare routes m as Publish does, and leaves it at that. The errors are the same.
func (p *Publisher) Prepare(m *Message) (Prepared, error) {
	if reply, ok := p.vhost.replyTo(m); ok {
		return Prepared{Message: m, reply: reply}, nil
	}
	queues, err := p.route(m)
	return Prepared{Message: m, queues: slices.Clone(queues)}, err
}

// Publish puts the message into the queues that it was routed to, as far as
// they are still there.
func (p *Prepared) Publish(b *Burst) Outcome {
	switch {
	case p.reply != nil:
		return Outcome{Routed: p.reply.deliver(b, p.Message)}
	case len(p.queues) == 1:
		return p.queues[0].publish(b, p.Message)
	case len(p.queues) > 1:
		return publishAll(b, p.queues, p.Message)
	}
	return Outcome{}
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

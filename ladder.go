package postrider

import (
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// A message that is to be handled later waits in a queue on the same broker: one whose messages expire after
// a while and then return to where they came from. Such queues exist for a few times only, the steps of a ladder, made
// when they are first needed. A message that has to wait longer than the step it was on takes another when
// it comes back, so any wait is possible, no message waits behind one that waits longer, and every broker can do it.
//
//	mailbox ──failed──► mailbox.retry.1s ──after 1 s──► mailbox ──not due yet──► mailbox.retry.300ms ──► …
var ladder = [...]step{
	{"30ms", 30 * time.Millisecond},
	{"100ms", 100 * time.Millisecond},
	{"300ms", 300 * time.Millisecond},
	{"1s", time.Second},
	{"3s", 3 * time.Second},
	{"10s", 10 * time.Second},
	{"30s", 30 * time.Second},
	{"1m", time.Minute},
	{"3m", 3 * time.Minute},
	{"10m", 10 * time.Minute},
	{"30m", 30 * time.Minute},
	{"1h", time.Hour},
	{"3h", 3 * time.Hour},
	{"10h", 10 * time.Hour},
	{"24h", 24 * time.Hour},
}

type step struct {
	name string
	wait time.Duration
}

// early is how much too early a message may be handled.
const early = 5 * time.Millisecond

// stepFor is the longest step that is not longer than what is left to wait, or the shortest of all.
func stepFor(left time.Duration) step {
	s := ladder[0]
	for _, next := range ladder[1:] {
		if next.wait > left+early {
			break
		}
		s = next
	}
	return s
}

// queue is where messages of the target of that name wait.
func (s step) queue(target string) *client.Queue {
	return &client.Queue{
		Name:    target + ".retry." + s.name,
		Durable: true,
		Args: amqp.Table{
			"x-message-ttl":             s.wait.Milliseconds(),
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": target,
		},
		// Without this strategy RabbitMQ may lose what it moves when a node stops; and the strategy wants that overflow.
		OnRabbitMQ: amqp.Table{
			"x-queue-type":           "quorum",
			"x-dead-letter-strategy": "at-least-once",
			"x-overflow":             "reject-publish",
		},
	}
}

// deadSuffix ends the name of a mailbox's dead letters.
const deadSuffix = ".dead"

// passOn publishes the message to where its verdict sends it; f tells when it is safe there.
func (m *Message) passOn(f *client.Fate, v verdict) error {
	name := m.tap.target.mailbox()
	to := client.Mailbox(name + deadSuffix)
	if !v.dead {
		to = stepFor(time.Until(v.due)).queue(name)
	}
	p, err := m.inscribe(v.failure, name, v.due)
	if err == nil && !v.dead {
		m.expiring(p)
	}
	if err == nil {
		err = m.conceal(p, v.failure)
	}
	if err != nil {
		return err
	}
	return m.tap.target.way.pass(m.tap.target.node.ctx, f, to, p, m.raw())
}

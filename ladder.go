package postrider

import (
	"errors"
	"fmt"
	"strings"
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
var ladder = &client.Steps

// early is how much too early a message may be handled.
const early = 5 * time.Millisecond

// stepFor is the longest step that is not longer than what is left to wait, or the shortest of all.
func stepFor(left time.Duration) client.Step {
	s := ladder[0]
	for _, next := range ladder[1:] {
		if next.Wait > left+early {
			break
		}
		s = next
	}
	return s
}

// backFrom is when a message is back that begins to wait now until it is due, if nothing cuts the wait of its step short.
func backFrom(now, due time.Time) time.Time { return now.Add(stepFor(due.Sub(now)).Wait) }

// deadSuffix ends the name of a mailbox's dead letters.
const deadSuffix = ".dead"

// longestBeside ends the longest name of a queue beside a mailbox.
const longestBeside = deadSuffix + client.RetryInfix + "300ms"

// roomBeside says whether what fails in a mailbox, and in its dead letters, has a queue to go to: one whose name is not too long for AMQP. Without it
// a message would come again and again.
func (t *Target) roomBeside() error {
	const allowed = client.MaxID - len(longestBeside)
	if name := strings.TrimSuffix(t.mailbox(), deadSuffix); len(name) > allowed {
		return fmt.Errorf("postrider: nobody can receive from %.20q…: its name is %d bytes long, and %d are allowed, so that those of the queues beside it, up to <name>%s, fit into AMQP's %d",
			name, len(name), allowed, longestBeside, client.MaxID)
	}
	return nil
}

// passOn publishes the message to where its verdict sends it; f tells when it is safe there.
func (m *Message) passOn(f *client.Fate, v verdict) error {
	name := m.tap.target.mailbox()
	to := client.Mailbox(name + deadSuffix)
	if !v.dead {
		to = stepFor(time.Until(v.due)).Queue(name)
	}
	p, err := m.withHistory(v, v.due)
	if err != nil {
		return err
	}
	return m.tap.target.way.pass(m.tap.target.node.ctx, f, to, p, m.raw())
}

// withHistory is the message's properties as its verdict has them. due is the zero time for a dead one, and for one that waits here.
func (m *Message) withHistory(v verdict, due time.Time) (*amqp.Properties, error) {
	if v.bare {
		p, err := bare(m.props)
		if err == nil {
			p.MessageID = m.ID
		}
		return p, err
	}
	p, err := m.inscribe(v.failure, m.tap.target.mailbox(), due)
	if err == nil && !v.dead {
		m.expiring(p)
	}
	if err == nil {
		err = m.conceal(p, v.failure)
	}
	return p, err
}

// inRoom makes the verdict upon a message dead whose headers leave no room for the history of its failures: nobody could pass it on, and it would be
// tried without end. As a dead letter it is as it came.
func (m *Message) inRoom(v verdict) verdict {
	if p, err := m.withHistory(v, v.due); err != nil || fits(p, m.headers()) {
		return v
	}
	if !v.dead {
		v.why = errNoRoom
	}
	v.dead, v.bare = true, true
	return v
}

var errNoRoom = errors.New("it could not be tried again, for its headers leave no room for the history of its failures")

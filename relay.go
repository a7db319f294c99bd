package postrider

import (
	"context"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// A message for a peer that cannot be reached directly can take the way over the brokers:
//
//	alice ──────────────── directly ───────────────► bob's inbox
//	   └──► mailbox bob.relay on the brokers ──► bob ──┘
//
// The mailbox is there when bob is not. Either way the message has the same id, and bob knows a repeat by it.

// A PeerOption says how a peer is sent to.
type PeerOption func(*peerOptions)

type peerOptions struct{ relay bool }

// Relay sends by way of [Config.Brokers] while there is no connection to the peer: into a mailbox there, from which a peer with
// [Config.Relay] takes it into its inbox. So a Send does not wait for a peer that is down, and its message is [Stored], not [Received]; see
// [Receipt.Relayed]. Order is kept among the messages that go one way, not between the two. Without Relay a message waits in this node's outbox.
func Relay() PeerOption { return func(o *peerOptions) { o.relay = true } }

const relaySuffix = ".relay"

// relayBy lets messages for a peer go by way of the brokers, too. The caller holds mu.
func (n *Node) relayBy(t *Target) {
	if len(n.mail) == 0 || t.peerAt == nil {
		return
	}
	name := t.name + relaySuffix
	by := &Target{node: n, name: name, title: t.title + ", relayed", grade: Stored, relays: true, repeats: newRepeats()}
	if by.why = checkName("the name of the mailbox for what is relayed", name); by.why == nil {
		by.queue = client.Mailbox(name)
		by.way = n.onBroker(&remote{queue: by.queue, keep: keptForMailbox + name})
		n.adopt(by.way.(*remote))
	}
	t.relay, t.direct = by, n.connTo(*t.peerAt)
}

// route is the target that a message for t is sent to now: t, or who relays for it. A sender who can waits until it is known whether there
// is a connection.
func (t *Target) route(ctx context.Context, o *sendOptions, patient bool) *Target {
	if t.relay == nil || o.control != "" {
		return t
	}
	state, changed := t.direct.State()
	for patient && !state.Up && state.Err == nil && ctx.Err() == nil {
		select {
		case <-changed:
		case <-ctx.Done():
		}
		state, changed = t.direct.State()
	}
	if state.Up {
		return t
	}
	return t.relay
}

// Relayed reports whether the message went by way of the brokers, see [Relay].
func (r *Receipt) Relayed() bool { return r.target.relays }

// headerRelayed marks a message whose sender is reached by way of the brokers.
const headerRelayed = "x-postrider-relayed"

// takeRelayed takes into the inbox what is relayed to this node.
func (n *Node) takeRelayed() {
	if !n.cfg.Relay || len(n.mail) == 0 {
		return
	}
	n.receivingConn().Consume(client.Mailbox(n.cfg.Name+relaySuffix), defaultPrefetch, func(d *client.Delivery) {
		var p amqp.Properties
		if err := p.Parse(d.Props, nil); err != nil {
			n.log.Warn("a relayed message has properties that cannot be read", "error", err)
			d.Nack(false)
			return
		}
		if p.ReplyTo != "" {
			if p.Headers == nil {
				p.Headers = amqp.Table{}
			}
			p.Headers[headerRelayed] = true
		}
		p.Expiration = "" // it has arrived in time
		n.takeIn(d, &broker.Publishing{Key: n.cfg.Name, Mandatory: true, Properties: p, Body: d.Body})
	})
}

// takeIn puts a relayed message into the inbox, again and again while that is full. When the node ends before, the brokers still have it.
func (n *Node) takeIn(d *client.Delivery, p *broker.Publishing) {
	settle := func(err error) {
		if err == nil {
			d.Ack()
		} else if n.ctx.Err() == nil && !d.Stale() {
			time.AfterFunc(whileFull, func() { n.takeIn(d, p) })
		}
	}
	f := new(client.Fate)
	f.Tell(settle)
	if err := n.local.publish(p, f); err != nil {
		settle(err)
	}
}

// whileFull is how long what cannot be refused waits for room in a full inbox before it tries again.
const whileFull = 100 * time.Millisecond

// back is the way to who waits for an answer or a receipt of the message.
func (m *Message) back() outlet {
	n := m.tap.target.node
	if !m.headed || len(n.mail) == 0 || !flag(rawHeaders(m.props), headerRelayed) {
		return m.tap.target.way
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.onBroker(new(remote))
}

package postrider

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/link"
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
	if t.peerAt == nil {
		return
	}
	if len(n.mail) == 0 {
		n.log.Warn("Relay is asked for, and Config.Brokers is empty: what is sent waits until the peer is there", "peer", t.name)
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

// headerAgain marks a message that a broker had given to this node before, on a connection that is no more.
const headerAgain = "x-postrider-again"

// relayed takes what is relayed to this node into its inbox, in the order in which it comes: while that is full, what comes waits behind
// what was refused. When the node ends before, the brokers still have it.
type relayed struct {
	node *Node

	mu      sync.Mutex
	waiting []*client.Delivery // bounded by the prefetch; while there are any, somebody will try them again
}

// takeRelayed begins, if the node is to be reached that way.
func (n *Node) takeRelayed() {
	if !n.cfg.Relay {
		return
	}
	if len(n.mail) == 0 {
		n.log.Warn("Config.Relay is set, and Config.Brokers is empty: nothing is relayed to this node")
		return
	}
	n.beginToHeed() // a call may be given up while it waits in the inbox
	r := &relayed{node: n}
	n.receivingConn().ConsumeBatches(client.Mailbox(n.cfg.Name+relaySuffix), defaultPrefetch, r.come)
}

func (r *relayed) come(batch []*client.Delivery, _ *link.Lull) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 {
		r.waiting = append(r.waiting, batch...)
		return
	}
	r.take(batch)
}

// take puts messages into the inbox until that is full. The caller holds mu, and nothing waits.
func (r *relayed) take(batch []*client.Delivery) {
	for i, d := range batch {
		if !d.Stale() && r.refused(d) { // a stale one comes again
			r.waiting = append([]*client.Delivery(nil), batch[i:]...)
			time.AfterFunc(whileFull, r.tryAgain)
			return
		}
	}
}

func (r *relayed) tryAgain() {
	if r.node.ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := r.waiting
	r.waiting = nil
	r.take(batch)
}

// refused puts a message into the inbox, unless that is full. One that can never be put there is dropped.
func (r *relayed) refused(d *client.Delivery) bool {
	n := r.node
	p, err := n.fromRelay(d)
	if err != nil {
		n.log.Warn("a relayed message has properties that cannot be read", "error", err)
		d.Nack(false)
		return false
	}
	f := new(client.Fate)
	f.Tell(func(err error) {
		if err == nil {
			d.Ack()
		}
	})
	if err = n.local.publish(p, f); err == nil {
		err = f.Err() // a full inbox says so at once
	}
	switch {
	case errors.Is(err, client.ErrQueueFull):
		return true
	case err != nil && !errors.Is(err, client.ErrClosed):
		n.log.Warn("a relayed message cannot be put into the inbox", "error", err)
		d.Nack(false)
	}
	return false
}

// fromRelay is what goes into the inbox.
func (n *Node) fromRelay(d *client.Delivery) (*broker.Publishing, error) {
	var p amqp.Properties
	if err := p.Parse(d.Props, nil); err != nil {
		return nil, err
	}
	if p.Headers == nil && (p.ReplyTo != "" || d.Redelivered) {
		p.Headers = amqp.Table{}
	}
	if p.ReplyTo != "" {
		p.Headers[headerRelayed] = true
	}
	if d.Redelivered {
		p.Headers[headerAgain] = true
	}
	return &broker.Publishing{Key: n.cfg.Name, Mandatory: true, Properties: p, Body: d.Body}, nil
}

// whileFull is how long what cannot be refused waits for room in a full inbox before it tries again.
const whileFull = 100 * time.Millisecond

// back is the way to who waits for an answer or a receipt of the message.
func (m *Message) back() outlet {
	if !m.isRelayed() {
		return m.tap.target.way
	}
	n := m.tap.target.node
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.onBroker(new(remote))
}

// isRelayed reports whether the sender of a message is reached by way of the brokers.
func (m *Message) isRelayed() bool {
	return m.headed && len(m.tap.target.node.mail) > 0 && flag(rawHeaders(m.props), headerRelayed)
}

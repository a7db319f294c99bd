package postrider

import (
	"context"
	"fmt"
	"strconv"

	"github.com/postrider-mq/postrider/internal/client"
)

// Peer is the node of that name: what is sent to it goes straight into the inbox in its process. Where it is, says the first of these:
//
//   - [Config.Peers].
//   - The name itself, when it is an AMQP URL that ends in the name of the peer: amqp://host:port/name.
//   - The peer, which is asked through [Config.Brokers]: each node that listens and uses the same brokers answers for itself. It is asked
//     again whenever a connection has to be made, so that a peer which has moved is found.
//
// Sending to a peer that cannot even be asked fails with [ErrNoSuchTarget]; one that does not answer is down.
//
// A peer that is not in Config.Peers is forgotten when the program no longer keeps its Target. The connection to it ends one to two minutes later, when
// nothing is under way, and is made again for who asks for the Target later.
func (n *Node) Peer(name string, opts ...PeerOption) *Target {
	var o peerOptions
	applyAll(&o, opts)
	if name == n.cfg.Name {
		return n.Inbox()
	}
	key := targetKey{kind: "peer", name: name}
	if o.relay {
		key.as = "relay"
	}
	return n.target(key, func(t *Target) {
		t.name, t.grade = name, Received
		where, queue, err := n.find(name)
		if err != nil {
			t.why = err
			return
		}
		t.name, t.peerAt = queue, &where
		t.way = &remote{
			queue: &client.Queue{Name: queue},
			inbox: true,
			ids:   n.ids,
			from:  n.cfg.Name,
			pub:   n.connTo(where).Publisher(),
			keep:  keptForPeer + name,
		}
		if o.relay {
			n.relayBy(t)
		}
	})
}

// Mailbox is the queue of that name on the broker of [Config.Brokers], or without one in the broker embedded in
// this node. One that does not exist is made when it is used: durable, and
// replicated on a RabbitMQ cluster. One that exists is used as it is, unless an option says what it has to be.
// Without brokers, that of this node's own name is its [Node.Inbox], and no option is for that.
// A name may be 255 bytes long, and 238 where one receives, see [Node.Handle].
func (n *Node) Mailbox(name string, opts ...MailboxOption) *Target {
	var o mailboxOptions
	applyAll(&o, opts)
	if name == n.cfg.Name && len(n.mail) == 0 && o == (mailboxOptions{}) {
		return n.Inbox()
	}
	queue, kind, keep := whole(client.Mailbox(name)), "mailbox", keptForMailbox
	if o.single {
		queue, kind, keep = whole(client.SingleActive(name)), "single active mailbox", keptForSingle
	}
	key := targetKey{kind: kind, name: name}
	if o.parted {
		key.as = strconv.Itoa(o.partitions)
	}
	return n.target(key, func(t *Target) {
		t.name, t.grade, t.takes, t.single = name, Stored, true, o.single
		if t.why = o.check(name); t.why != nil {
			return
		}
		if t.why = n.agree(name, o.partitions); t.why != nil {
			return
		}
		if o.parted {
			n.partitions(t, o.partitions)
			return
		}
		if len(n.mail) == 0 {
			if t.why = n.notOwn(name); t.why != nil {
				return
			}
			t.way = n.localQueue(t, queue)
			return
		}
		t.queue = queue
		t.way = n.onBroker(&remote{queue: t.queue, keep: keep + name})
	})
}

// notOwn refuses the name of a queue of this node's own as that of a mailbox beside it.
func (n *Node) notOwn(name string) error {
	if name == n.cfg.Name+controlSuffix {
		return fmt.Errorf("%q is the name of the queue that this node has for control messages: give the mailbox another", name)
	}
	return nil
}

// onBroker completes the way to something on the brokers. The caller holds mu.
func (n *Node) onBroker(r *remote) *remote {
	r.conn = n.sendingLocked()
	r.pub = r.conn.Publisher()
	r.from, r.receiving, r.receipts = n.cfg.Name, n.receivingConn, n.receiptQueue
	r.patience = n.cfg.patience()
	return r
}

// Dead is where the messages of a mailbox or of this node's inbox go that were rejected, or that handlers failed upon
// too often: a mailbox beside it, by the name of <name>.dead. [Message.Failure] tells why they are there. It is
// worked on like any other.
func (t *Target) Dead() *Target {
	n := t.node
	if t.takes && t.way == outlet(n.inbox) {
		return n.target(targetKey{kind: "dead letters of inbox", name: t.name}, func(d *Target) {
			d.name, d.grade, d.takes = t.name+deadSuffix, Stored, true
			d.way = n.localQueue(d, client.Mailbox(d.name))
		})
	}
	return n.Mailbox(t.mailbox() + deadSuffix)
}

// Inbox is this node's own inbox: what peers send to it. Sending to it works, too.
func (n *Node) Inbox() *Target {
	return n.target(targetKey{kind: "inbox of", name: n.cfg.Name}, func(t *Target) {
		t.name, t.grade, t.takes, t.way = n.cfg.Name, Received, true, n.inbox
	})
}

type targetKey struct {
	kind, name string
	as         string // what tells targets of one name apart
}

// target returns the one target of a kind and name, made with fill under the node's lock. What it needs is made without, for the disk may be slow: who
// asks for the same target waits for that, and nobody else.
func (n *Node) target(key targetKey, fill func(*Target)) *Target {
	t := n.filled(key, fill)
	t.made.Do(t.make)
	return t
}

// need makes something in the embedded broker, or says why it cannot be.
type need func(context.Context) error

func (t *Target) make() {
	for _, need := range t.needs {
		if t.why != nil {
			break
		}
		if t.why = need(t.node.ctx); t.why != nil {
			t.way = nil
		}
	}
	t.needs = nil
}

func (n *Node) filled(key targetKey, fill func(*Target)) *Target {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.targets[key]
	if t == nil {
		t = n.found[key].Value()
	}
	if t != nil {
		return t
	}
	t = &Target{node: n, title: key.kind + " " + shown(withoutPassword(key.name)), repeats: newRepeats()}
	if n.closed {
		t.why = ErrClosed
		return t
	}
	fill(t)
	n.sealUp(t, key.kind)
	n.remember(t, key.kind)
	if r, ok := t.way.(*remote); ok {
		n.adopt(r)
	}
	n.keep(t, key)
	return t
}

// localQueue is the way to a queue of the embedded broker, which t needs.
func (n *Node) localQueue(t *Target, q *client.Queue) outlet {
	t.needs = append(t.needs, func(ctx context.Context) error {
		_, err := n.local.sure(ctx, q)
		return err
	})
	return &local{at: n.local, queue: q.Name, from: n.cfg.Name, of: q}
}

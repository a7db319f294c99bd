package postrider

import (
	"context"
	"strings"

	"github.com/postrider-mq/postrider/broker"
)

// What waits in mailboxes that are in this node's own memory ends with it. So when it shuts down, those who receive from them here
// go on until nothing is left in any, all at once: what is handled in one may be sent to another.

// coordinates reports whether a queue is that of one of package coord's mailboxes. These are never empty: what is in them is a number or a value that stays, and
// nothing that waits to be handled.
func (n *Node) coordinates(queue string) bool {
	return strings.HasPrefix(queue, "coord.") && queue != n.cfg.Name
}

// emptyMailboxes waits until the mailboxes in memory that somebody receives from here are empty, but for what has failed and waits for another try.
func (n *Node) emptyMailboxes(ctx context.Context) error {
	if n.cfg.Dir != "" || len(n.mail) > 0 {
		return nil
	}
	watched := make(map[string]bool)
	for {
		boxes := n.boxesInHand()
		for name := range boxes {
			if !watched[name] {
				watched[name] = true
				_ = n.local.broker.Watch(name, n.stirIfEmpty) // if it is not there, nothing is in it
			}
		}
		if n.local.empty(boxes) {
			return nil
		}
		select {
		case <-n.stirred:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stirIfEmpty is told by the broker how many messages are left in a queue, under its lock. What comes into it is not told of.
func (n *Node) stirIfEmpty(left int) {
	if left == 0 {
		n.stir()
	}
}

// stir has emptyMailboxes look again.
func (n *Node) stir() {
	select {
	case n.stirred <- struct{}{}:
	default:
	}
}

// boxesInHand are the queues of mailboxes that somebody receives from here, and in which not all that is left waits to be tried again.
func (n *Node) boxesInHand() map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, held := make(map[string]bool), make(map[string]bool)
	for t := range n.taps {
		if t.target.way == outlet(n.inbox) {
			continue
		}
		holds, busy := t.inHand()
		for _, name := range queuesOf(t.target.way) {
			if n.coordinates(name) {
				continue
			}
			all[name], held[name] = all[name] || busy, held[name] || holds
		}
	}
	for name, busy := range all {
		if all[name] = true; held[name] && !busy {
			delete(all, name)
		}
	}
	return all
}

// queuesOf are the queues of the embedded broker that a receiver there takes from, but for one that is his own.
func queuesOf(way outlet) (names []string) {
	switch way := way.(type) {
	case *local:
		if way.subscription == nil {
			return []string{way.queue}
		}
		if q := way.subscription(); !q.Own {
			return []string{q.Name}
		}
	case *partitioned:
		for _, part := range way.parts {
			names = append(names, queuesOf(part)...)
		}
	}
	return names
}

// empty reports whether nothing is in any of the queues, ready or handed out.
func (e *embedded) empty(names map[string]bool) bool {
	left := 0
	e.broker.EachQueue(func(q broker.QueueStats) {
		if names[q.Name] {
			left += q.Ready + q.Unacked
		}
	})
	return left == 0
}

// inHand reports whether some of what the tap has handed out is held until it is tried again, see [Message.hold], and whether there is something else: it
// is busy as long as there is. What waits behind a message that is held has the same key, and is not here yet.
func (t *tap) inHand() (holds, busy bool) {
	empty := t.feed.isEmpty() // before the rest is looked at: what is taken out of it is counted at once
	t.mu.Lock()
	defer t.mu.Unlock()
	open := t.open.Load()
	if !t.stopped {
		open--
	}
	return t.held > 0, open > int64(t.held) || !empty
}

// holds counts what is held until it is tried again.
func (t *tap) holds(one int) {
	t.mu.Lock()
	t.held += one
	t.mu.Unlock()
	t.target.node.stir()
}

package postrider

import (
	"context"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/marks"
	"github.com/postrider-mq/postrider/internal/outbox"
)

// OnDisks has a node that was just started keep its posts, and what it has handled, elsewhere.
func OnDisks(n *Node, posts, handled disk.FS) (err error) {
	if err = n.kept.disk.Close(context.Background()); err == nil {
		n.kept.disk, err = outbox.Open(posts, n.log)
	}
	if err == nil {
		err = n.marker.disk.Close(context.Background())
	}
	if err == nil {
		n.marker.disk, err = marks.Open(handled, n.log)
	}
	return err
}

// CameInAPack reports whether anything has come into a node's inbox as a part of a pack.
func CameInAPack(n *Node) bool {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	return n.inbox.raw != nil
}

// RepeatsThatWait is of how many messages a repeat waits in a node's inbox for what becomes of the first.
func RepeatsThatWait(n *Node) int {
	r := n.Inbox().repeats
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}

// LeftInPacks is how many messages of packs are not settled in a node's inbox.
func LeftInPacks(n *Node) (left int) {
	n.inbox.mu.Lock()
	defer n.inbox.mu.Unlock()
	for p := range n.inbox.open {
		left += int(p.left.Load())
	}
	return left
}

// StoodIn is how many messages were handled by who read them, in the place of a worker.
func StoodIn(n *Node) (handled uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t := range n.taps {
		if s := t.stand.Load(); s != nil {
			s.mu.Lock()
			handled += s.turn
			s.mu.Unlock()
		}
	}
	return handled
}

// Connected is how many connections others have to the node.
func Connected(n *Node) int { return n.local.broker.Stats().Connections }

// PartitionOf is where a key belongs.
func PartitionOf(key string, partitions int) int { return partitionOf(key, partitions) }

// BrokerOf is the broker that is embedded in a node.
func BrokerOf(n *Node) *broker.Broker { return n.local.broker }

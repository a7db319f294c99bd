package postrider

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/client"
)

// Stats is how a node is doing at the moment, as [Node.Stats] tells it.
type Stats struct {
	// OutboxMessages and OutboxBytes are what waits to be confirmed by peers and brokers.
	OutboxMessages, OutboxBytes int
	// Retries is how often a message that a handler failed upon was to be tried again, Dead how many went to the dead letters, since
	// the start.
	Retries, Dead uint64
	// Connections are those that the node keeps, in the order of their addresses.
	Connections []ConnectionStats
}

// ConnectionStats is one connection of a node, up or not.
type ConnectionStats struct {
	To      string // the address, or the addresses that are tried in turn
	Purpose string // "peer", or "send" and "receive" for the brokers
	Up      bool
	Err     error // why it is down
	// Blocked is why the other side takes no messages for now, though it is up, in its own words: "low on memory", "low on disk", "low on files".
	// Empty: it takes them.
	Blocked string
}

// counts is what a node counts for its statistics.
type counts struct{ retries, dead atomic.Uint64 }

// judged counts a verdict upon a message that has failed before.
func (c *counts) judged(v verdict, before Failure) {
	switch {
	case v.dead:
		c.dead.Add(1)
	case v.failure.Tries > before.Tries:
		c.retries.Add(1)
	}
}

// Stats tells how the node is doing.
func (n *Node) Stats() Stats {
	s := Stats{Retries: n.counts.retries.Load(), Dead: n.counts.dead.Load()}
	for _, c := range n.connections() {
		state, _ := c.State()
		pub := c.Publisher()
		messages, bytes := pub.Pending()
		s.OutboxMessages += messages
		s.OutboxBytes += bytes
		s.Connections = append(s.Connections, ConnectionStats{To: c.To(), Purpose: n.purpose(c), Up: state.Up, Err: state.Err, Blocked: pub.Blocked()})
	}
	slices.SortFunc(s.Connections, func(a, b ConnectionStats) int { return strings.Compare(a.To+a.Purpose, b.To+b.Purpose) })
	return s
}

func (n *Node) purpose(c *client.Conn) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch c {
	case n.sending:
		return "send"
	case n.receiving:
		return "receive"
	}
	return "peer"
}

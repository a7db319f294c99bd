package tour

import (
	"context"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// setup is the first line that a node process reads.
type setup struct {
	Name   string
	Listen string            `json:",omitempty"`
	Broker string            `json:",omitempty"`
	Peers  map[string]string `json:",omitempty"`
}

// node is a node's process, as the tour sees it.
type node struct {
	*child.Node[order, report]
	address string // where it listens
}

// startNode starts a node and waits until it is ready.
func startNode(ctx context.Context, program string, s setup) (*node, error) {
	n, err := child.StartNode[order, report](ctx, s.Name, program, NodeVerb, s, nil)
	if err != nil {
		return nil, err
	}
	return &node{n, s.Listen}, nil
}

// order is what a node process is to do.
type order struct {
	Do      string
	Way     ways.Way      `json:",omitempty"`
	Mailbox string        `json:",omitempty"` // "" is the inbox, to receive from
	Bodies  []string      `json:",omitempty"`
	Within  time.Duration `json:",omitempty"`
	Workers int           `json:",omitempty"`
	Hold    bool          `json:",omitempty"` // see messages, and never finish with them
	Count   int           `json:",omitempty"`
	Address string        `json:",omitempty"`
}

// report answers an order, or tells of an event.
type report struct {
	Fates   []fate    `json:",omitempty"`
	Count   int       `json:",omitempty"`
	Micros  []float64 `json:",omitempty"` // samples
	Seconds float64   `json:",omitempty"`
	Numbers []int     `json:",omitempty"`

	Event       string `json:",omitempty"`
	Mailbox     string `json:",omitempty"`
	Body        string `json:",omitempty"`
	Redelivered bool   `json:",omitempty"`
}

// fate is what became of a message, as its sender saw it.
type fate struct {
	Body           string
	Grade          string        `json:",omitempty"`
	Answer         string        `json:",omitempty"`
	Error          string        `json:",omitempty"`
	PeerDown       bool          `json:",omitempty"` // errors.Is(err, postrider.ErrPeerDown)
	Target         string        `json:",omitempty"` // of the *postrider.SendError
	MaybeDelivered bool          `json:",omitempty"`
	Took           time.Duration `json:",omitempty"`
}

// Events.
const (
	gotMessage    = "got"       // a message was handed to the handler
	peerIsDown    = "down"      // the peer that is watched is down
	soManyStored  = "confirmed" // a stream has as many confirmed messages as it was to tell of
	loadMark      = 'L'         // begins bodies that are counted and not told of
	ledgerMark    = '#'         // begins bodies that are numbers, which are kept and not told of
	streamWindow  = 1024
	loadWindow    = 4096
	loadBodyBytes = 100
)

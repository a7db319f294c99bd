package tour

import "time"

// setup is the first line that a node process reads.
type setup struct {
	Name   string
	Listen string            `json:",omitempty"`
	Broker string            `json:",omitempty"`
	Peers  map[string]string `json:",omitempty"`
}

// order is what a node process is to do.
type order struct {
	Seq     int
	Do      string
	Way     way           `json:",omitempty"`
	Mailbox string        `json:",omitempty"` // "" is the inbox, to receive from
	Bodies  []string      `json:",omitempty"`
	Within  time.Duration `json:",omitempty"`
	Workers int           `json:",omitempty"`
	Hold    bool          `json:",omitempty"` // see messages, and never finish with them
	Count   int           `json:",omitempty"`
	Address string        `json:",omitempty"`
}

// report answers an order, or with Seq 0 tells of an event.
type report struct {
	Seq   int
	Error string `json:",omitempty"` // the order could not be carried out

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
	nodeIsReady   = "ready"
	loadMark      = 'L' // begins bodies that are counted and not told of
	ledgerMark    = '#' // begins bodies that are numbers, which are kept and not told of
	streamWindow  = 1024
	loadWindow    = 4096
	loadBodyBytes = 100
)

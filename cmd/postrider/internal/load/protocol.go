package load

import (
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
)

// NodeVerb is the hidden verb with which the program becomes a process of a load; see [Node].
const NodeVerb = "load-node"

// setup is the first line that a process of a load reads.
type setup struct {
	Name    string
	Listen  string            `json:",omitempty"`
	Dir     string            `json:",omitempty"`
	Brokers []string          `json:",omitempty"`
	Peers   map[string]string `json:",omitempty"`
	Keys    Keys
}

// order is what a process is to do: one of these.
type order struct {
	Receive  *receiveOrder `json:",omitempty"`
	Prepare  *sendOrder    `json:",omitempty"` // connect to the target
	Send     *sendOrder    `json:",omitempty"`
	Progress bool          `json:",omitempty"`
	Audit    bool          `json:",omitempty"` // of a receiver
}

type receiveOrder struct {
	Run      uint64
	Mailbox  string `json:",omitempty"` // "" is the inbox
	Workers  int
	Prefetch int           `json:",omitempty"`
	Handling time.Duration `json:",omitempty"`
	Tell     bool          `json:",omitempty"` // of each message, before it is acknowledged
}

type sendOrder struct {
	Run       uint64
	First     uint32 // number of the first sender in this process
	Senders   int
	Peer      string `json:",omitempty"`
	Mailbox   string `json:",omitempty"`
	Waits     bool   // Send, not Post
	Handled   bool   `json:",omitempty"` // a send ends when the handler has returned
	Transient bool   `json:",omitempty"`
	Body      int
	InFlight  int
	Rate      float64       `json:",omitempty"` // messages a second of each sender; 0 is as fast as it goes
	Count     uint64        `json:",omitempty"` // of all senders together; 0 is no limit
	Of        uint64        `json:",omitempty"` // how many senders those are
	Begin     int64         // on the machine's clock
	For       time.Duration // after that
	Timeout   time.Duration // of each Send, and for the last confirms
	Stall     time.Duration `json:",omitempty"` // after which posts are given up of which none is confirmed; 0 is never
	Keep      bool          `json:",omitempty"` // keep what became of each message
}

// report answers an order, or tells of a message.
type report struct {
	Sent     []sentLine `json:",omitempty"`
	Audit    *audit     `json:",omitempty"`
	Progress *progress  `json:",omitempty"`
	Got      *Arrival   `json:",omitempty"`
}

// progress is how far a process is.
type progress struct {
	Sent, Confirmed, Failed, Got uint64
}

// sentLine is what one sender did.
type sentLine struct {
	Sender uint32
	Sent   uint64 // the numbers below
	Unsent uint64 // were due, and never begun
	Failed []byte // the set of those that ended in an error
	Maybe  uint64 // of those, may have been delivered
	Errors map[string]uint64

	Began, Ended int64  // first due, last confirmed
	Wait         []byte // histogram: from when a message was due until the call returned
	Confirm      []byte // histogram: until it was confirmed
	MostWaiting  int    // posts that were not confirmed, at most
	Fates        []Fate `json:",omitempty"`
}

// Fate is what became of a message, as its sender saw it. Times are of the machine's clock; 0 is never.
type Fate struct {
	Due       int64
	Returned  int64 // the call
	Confirmed int64
	Error     string `json:",omitempty"`
	Maybe     bool   `json:",omitempty"` // it failed, and may have been delivered
}

// Arrival is a message that a handler has got.
type Arrival struct {
	Sender      uint32 `json:"s"`
	Number      uint64 `json:"n"`
	At          int64  `json:"t"`
	Redelivered bool   `json:"r,omitempty"`
}

// audit is what one receiving process has got.
type audit struct {
	Lines       []gotLine
	Damaged     int
	Foreign     int
	First, Last int64
	Latency     []byte // histogram: from when a message was due until the handler had it
}

// gotLine is what came from one sender.
type gotLine struct {
	Sender      uint32
	Seen        []byte
	Repeated    int
	Disordered  int // came for the first time after a later one
	Redelivered int // were marked so
}

type node = child.Node[order, report]

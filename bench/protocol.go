package main

import "time"

// An order tells a child what it is. Which fields count depends on the role.
type order struct {
	Role    string
	Profile string // where to write a CPU profile; "" = none
	Program string // the path of the program to run, for roles that have one

	Address string // of the other side: host:port
	Broker  string // URL of the broker; "" = straight to the peer at Address
	Mailbox string
	Dir     string // for files

	Post      bool // Post instead of Send
	Call      bool // Call instead of Send: the answer is the message
	Callers   int  // at once; 0 is one
	Transient bool
	Body      int // bytes of each message
	Window    int // how many may be posted and not yet confirmed
	Rate      int // messages a second; 0 = as fast as possible
	Prefetch  int
	Kept      bool // nobody receives: what was sent is still in the mailbox at the end
	Declared  bool // the mailbox is there

	Connections int // of a crowd, see role_crowd.go
	Queues      int
	Fanout      bool

	Batch      int    // of the disk: messages between two syncs
	SyncAlways bool   // of JetStream: sync before each confirm, in place of every two minutes
	Append     string // of Redis: appendfsync

	Warm    time.Duration // runs, and is not measured
	Measure time.Duration
}

// A reply is what a child says: first that it is ready, then what it did.
type reply struct {
	Error   string        `json:",omitempty"`
	Address string        `json:",omitempty"` // where it listens
	Pid     int           `json:",omitempty"` // of the program that it has started and speaks for
	Took    time.Duration `json:",omitempty"` // to prepare
	Tally   *tally        `json:",omitempty"`
}

// A tally is what one process did. Times are of the machine's clock, see clock.go.
type tally struct {
	Messages uint64 // moved in all, and checked
	Measured uint64 // of those, sent after the warm-up
	Began    int64  // when the measured part began
	Ended    int64
	Latency  []byte      `json:",omitempty"` // a histogram in nanoseconds, encoded
	CPU      float64     // seconds this process used, user and system, from "go" to the tally
	Progress []milestone `json:",omitempty"` // of a receiver
	Broker   bool        `json:",omitempty"` // moved nothing and counted nothing itself
}

// add counts what another sender of the same process did, at the same time.
func (t *tally) add(other tally) {
	t.Messages += other.Messages
	t.Measured += other.Measured
	t.Began = min(t.Began, other.Began)
}

// commandGo follows an order; the end of stdin says that it is over.
const commandGo = "go"

package told

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Kind is what a line is about.
type Kind string

// The kinds of lines.
const (
	Begin  Kind = "begin"
	End    Kind = "end"
	Fate   Kind = "fate"
	Kept   Kind = "kept"
	Got    Kind = "got"
	Done   Kind = "done"
	Failed Kind = "failed"
	Up     Kind = "up"
	Quiet  Kind = "quiet"
	Closed Kind = "closed"
	Wrong  Kind = "wrong"
)

// Line is one thing that happened.
type Line struct {
	At   time.Duration `json:"at"`
	Kind Kind          `json:"kind"`
	Op   string        `json:"op,omitempty"`  // begin, end: what was called
	Msg  string        `json:"msg,omitempty"` // see Message
	How  Outcome       `json:"how,omitempty"` // end, fate
	Text string        `json:"text,omitempty"`

	Late    time.Duration `json:"late,omitempty"`    // end: how long after the deadline
	Starved time.Duration `json:"starved,omitempty"` // end: for how much of the time of the call the process was not let run

	Again bool `json:"again,omitempty"` // got: marked redelivered
	Way   Way  `json:"way,omitempty"`   // begin, kept, fate: by which way it goes
}

// Way is the one that a message for a peer takes.
type Way string

// The ways. Order is kept on each, not between the two.
const (
	Direct  Way = ""
	Relayed Way = "relayed" // over the broker
	Either  Way = "either"  // its sender does not learn which
)

// Outcome is how a send ended.
type Outcome string

// The outcomes. The first ones mean that somebody has taken responsibility.
const (
	WasKept     Outcome = "kept"
	WasStored   Outcome = "stored"
	WasReceived Outcome = "received"
	WasHandled  Outcome = "handled"
	WasAnswered Outcome = "answered"
	Maybe       Outcome = "maybe"   // not confirmed, and may have been delivered
	Never       Outcome = "never"   // certainly not delivered
	Unknown     Outcome = "unknown" // it is still on its way
)

// Now is the time on the machine's monotonic clock.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // there is no system without
	}
	return time.Duration(t.Nano())
}

// Pen writes lines. Its methods may be called from any goroutine.
type Pen struct {
	mu sync.Mutex
	to io.Writer
}

// NewPen returns one that writes to a pipe or file: each line in one call, nothing is held back.
func NewPen(to io.Writer) *Pen { return &Pen{to: to} }

// Tell writes a line, with the time. When it returns the line is in the pipe.
func (p *Pen) Tell(l Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.At = Now()
	raw, err := json.Marshal(l)
	if err == nil {
		_, err = p.to.Write(append(raw, '\n'))
	}
	if err != nil {
		panic(fmt.Errorf("nobody listens to what this node tells: %w", err))
	}
}

// Read is the other end: a line that was cut off when its writer died is none.
func Read(raw []byte) (l Line, err error) {
	err = json.Unmarshal(raw, &l)
	return l, err
}

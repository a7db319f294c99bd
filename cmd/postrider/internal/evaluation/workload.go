package evaluation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Workload is what the user has to send, and what may go wrong.
type Workload struct {
	Rate      float64 // messages a second of all senders together
	Body      int     // bytes
	Senders   int
	Receivers int
	Handling  time.Duration // how long a handler takes
	Transient bool          // messages need not survive a broker or a receiver

	Faults []Fault
	Down   time.Duration // how long a fault lasts
	Late   time.Duration // a message that is handled later than this after it was due is late
	Each   time.Duration // how long each run takes
	Wait   time.Duration // how long a Send waits before it gives up
}

// A Fault is what is broken during a run.
type Fault string

// The faults.
const (
	ReceiverKilled Fault = "receiver"
	BrokerKilled   Fault = "broker"
	ConnectionCut  Fault = "connection"
)

// Faults are all of them, in the order in which they are shown.
var Faults = []Fault{ReceiverKilled, BrokerKilled, ConnectionCut}

// What says what happens.
func (f Fault) What() string {
	return map[Fault]string{
		ReceiverKilled: "receiver killed", BrokerKilled: "broker killed", ConnectionCut: "senders' connection cut",
	}[f]
}

// ParseFaults understands a list such as "receiver,connection"; "none" is none.
func ParseFaults(text string) (faults []Fault, err error) {
	if text == "none" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		f := Fault(strings.TrimSpace(word))
		if !slices.Contains(Faults, f) {
			return nil, fmt.Errorf("no such fault: %q; want receiver, broker, connection or none", word)
		}
		if !slices.Contains(faults, f) {
			faults = append(faults, f)
		}
	}
	return faults, nil
}

// begins is when in its run a fault begins.
func (w *Workload) begins() time.Duration { return (w.Each - w.Down) / 3 }

// busy is the part of their time that handlers work.
func (w *Workload) busy() float64 {
	return w.Rate * w.Handling.Seconds() / float64(w.Receivers)
}

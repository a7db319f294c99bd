package evaluation

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// Figures are what was measured of one way.
type Figures struct {
	Way ways.Way

	// The workload, undisturbed.
	Call      Latency // what the sender waits for: until the call has returned
	Confirmed Latency // until the message was in the inbox, or stored
	EndToEnd  Latency // until a handler had it
	Rate      float64 // confirmed a second
	Sent      uint64
	Unsent    uint64 // were due, and their senders too far behind
	Refused   uint64
	Lost      uint64
	Sharing   int // processes that received
	Costs     []load.Cost

	// At full speed.
	FullRate float64

	Faults map[Fault]Harm
}

// Harm is what a fault did.
type Harm struct {
	Skipped string // why there was none; the rest is 0 then

	Messages  uint64 // that were due
	Lost      uint64 // confirmed, and never handled
	Refused   uint64 // the sender was told that they did not arrive, or may not have
	Maybe     uint64 // of those, may have arrived
	Unsent    uint64 // were due, and their senders too far behind
	Late      uint64
	Repeated  uint64        // handled once more
	Back      time.Duration // from the end of the fault until messages were handled in time again
	NeverBack bool          // not within the run
	Longest   time.Duration // that a call took
	Waiting   int           // posts of one sender that were not confirmed, at most
}

// Unharmed reports whether every message was sent, and none lost.
func (h Harm) Unharmed() bool { return h.Lost == 0 && h.Refused == 0 && h.Unsent == 0 }

// Latency is what of a histogram is told.
type Latency struct {
	P50, P90, P99, P999, Max time.Duration
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) }
	return Latency{at(50), at(90), at(99), at(99.9), at(100)}
}

// CPU is what a message costs, in seconds of all processes; 0 if that is not known.
func (f *Figures) CPU() (seconds float64) {
	for _, c := range f.Costs {
		seconds += c.CPU
	}
	return seconds / float64(max(f.Sent, 1))
}

// Memory is what all processes have, in bytes; 0 if that is not known.
func (f *Figures) Memory() (bytes uint64) {
	for _, c := range f.Costs {
		bytes += c.Memory
	}
	return bytes
}

// brokerKnown reports whether the broker's part is in the costs.
func (f *Figures) brokerKnown() bool {
	return slices.ContainsFunc(f.Costs, func(c load.Cost) bool { return c.Part == "broker" })
}

// sum adds up a figure of all faults.
func (f *Figures) sum(of func(Harm) uint64) (n uint64) {
	for _, h := range f.Faults {
		n += of(h)
	}
	return n
}

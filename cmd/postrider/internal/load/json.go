package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figures are an outcome as --json prints it. Times are in microseconds.
type Figures struct {
	Sent       uint64            `json:"sent"`
	Unsent     uint64            `json:"unsent"`
	Confirmed  uint64            `json:"confirmed"`
	Failed     uint64            `json:"failed"`
	Maybe      uint64            `json:"maybeDelivered"`
	Errors     map[string]uint64 `json:"errors,omitempty"`
	Seconds    float64           `json:"seconds"`
	Rate       float64           `json:"messagesPerSecond"`
	Received   *ReceivedFigures  `json:"received,omitempty"`
	Returned   *LatencyFigures   `json:"returnedMicros,omitempty"`
	Confirming *LatencyFigures   `json:"confirmedMicros,omitempty"`
	EndToEnd   *LatencyFigures   `json:"endToEndMicros,omitempty"`
	Costs      []CostFigures     `json:"costs,omitempty"`
	Wrong      []string          `json:"wrong,omitempty"`
}

// ReceivedFigures are those of receivers.
type ReceivedFigures struct {
	Messages   uint64  `json:"messages"`
	Lost       uint64  `json:"lost"`
	Repeated   uint64  `json:"repeated"`
	OutOfOrder *uint64 `json:"outOfOrder,omitempty"` // only where each receiver handles one message after the other
	Damaged    uint64  `json:"damaged"`
	Foreign    uint64  `json:"foreign"`
	Rate       float64 `json:"messagesPerSecond"`
	Processes  int     `json:"processes"`
}

// LatencyFigures are those of one histogram.
type LatencyFigures struct {
	Count int64        `json:"count"`
	P50   float64      `json:"p50"`
	P90   float64      `json:"p90"`
	P99   float64      `json:"p99"`
	P999  float64      `json:"p999"`
	Max   float64      `json:"max"`
	Bars  []BarFigures `json:"histogram"`
}

// BarFigures are how many took up to so long, and longer than the one before.
type BarFigures struct {
	UpTo  float64 `json:"upTo"`
	Count int64   `json:"count"`
}

// CostFigures are what the processes of one part used.
type CostFigures struct {
	Part       string  `json:"part"`
	Processes  int     `json:"processes"`
	CPUSeconds float64 `json:"cpuSeconds"`
	Memory     uint64  `json:"memoryBytes"`
}

// Figures are a cost for programs.
func (c Cost) Figures() CostFigures { return CostFigures{c.Part, c.Processes, c.CPU, c.Memory} }

// Figures are the outcome for programs.
func (o *Outcome) Figures() Figures {
	f := Figures{
		Sent: o.Sent, Unsent: o.Unsent, Confirmed: o.Confirmed, Failed: o.Failed, Maybe: o.Maybe, Errors: o.Errors,
		Seconds: o.Seconds, Rate: o.Rate, Wrong: o.Wrong(),
		Returned: latencyFigures(o.Wait), Confirming: latencyFigures(o.Confirm), EndToEnd: latencyFigures(o.EndToEnd),
	}
	if o.Received {
		f.Received = &ReceivedFigures{
			Messages: o.Got, Lost: o.Lost, Repeated: o.Repeated, Damaged: o.Damaged, Foreign: o.Foreign, Rate: o.GotRate, Processes: o.Sharing,
		}
		if o.Ordered {
			f.Received.OutOfOrder = &o.Disordered
		}
	}
	for _, c := range o.Costs {
		f.Costs = append(f.Costs, c.Figures())
	}
	return f
}

func latencyFigures(h *hdrhistogram.Histogram) *LatencyFigures {
	if h.TotalCount() == 0 {
		return nil
	}
	micros := func(d time.Duration) float64 { return float64(d) / 1e3 }
	f := &LatencyFigures{
		Count: h.TotalCount(), P50: micros(at(h, 50)), P90: micros(at(h, 90)), P99: micros(at(h, 99)), P999: micros(at(h, 99.9)), Max: micros(at(h, 100)),
	}
	for _, b := range Bars(h) {
		f.Bars = append(f.Bars, BarFigures{micros(b.UpTo), b.Count})
	}
	return f
}

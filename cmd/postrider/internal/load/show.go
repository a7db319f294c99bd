package load

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
)

// Quantiles are those that latencies are told at.
var Quantiles = []float64{50, 90, 99, 99.9, 100}

// Show tells people what became of a load.
func (o *Outcome) Show(s *screen.Screen, body int) {
	s.Item("sent", "%s, confirmed %s in %s: %s messages/s, %s MB/s", screen.Grouped(int(o.Sent)), screen.Grouped(int(o.Confirmed)),
		screen.Short(seconds(o.Seconds)), screen.Grouped(int(o.Rate)), megabytes(o.Rate*float64(body)))
	if o.Unsent > 0 {
		s.Item("", "%s more were due, and their senders too far behind", screen.Grouped(int(o.Unsent)))
	}
	if o.Received {
		s.Item("received", "%s in %s: %s messages/s", screen.Grouped(int(o.Got)), screen.Short(seconds(o.GotSeconds)), screen.Grouped(int(o.GotRate)))
	}
	for _, text := range slices.Sorted(maps.Keys(o.Errors)) {
		s.Item("error", "%s × %s", screen.Grouped(int(o.Errors[text])), text)
	}
	for _, c := range o.Costs {
		if c.Memory > 0 {
			s.Item(c.Part, "CPU %.1f s (%.1f µs a message), memory %d MiB, processes %d", c.CPU, c.CPU*1e6/float64(max(o.Sent, 1)), c.Memory>>20, c.Processes)
		}
	}
	o.showLatencies(s)
	if o.Received && o.EndToEnd.TotalCount() > 0 {
		showHistogram(s, "end to end", o.EndToEnd)
	} else {
		showHistogram(s, "until confirmed", o.Confirm)
	}
}

func (o *Outcome) showLatencies(s *screen.Screen) {
	title := screen.Padded("", 23)
	for _, q := range Quantiles {
		title += fmt.Sprintf("%10s", quantileName(q))
	}
	s.Line("\n  %s", s.Bold.Sprint(title))
	for _, row := range o.Latencies() {
		text := screen.Padded(row.Name, 23)
		for _, q := range Quantiles {
			text += screen.Padded("", 10-len([]rune(screen.Short(at(row.Histogram, q))))) + screen.Short(at(row.Histogram, q))
		}
		s.Line("  %s", text)
	}
}

// A Latency is one kind of latency that was measured.
type Latency struct {
	Name      string
	Histogram *hdrhistogram.Histogram
}

// Latencies are those that were measured.
func (o *Outcome) Latencies() (all []Latency) {
	for _, l := range []Latency{{"the call returns", o.Wait}, {"confirmed", o.Confirm}, {"handler has it", o.EndToEnd}} {
		if l.Histogram.TotalCount() > 0 {
			all = append(all, l)
		}
	}
	return all
}

func quantileName(q float64) string {
	if q == 100 {
		return "max"
	}
	return fmt.Sprintf("p%g", q)
}

func at(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q))
}

func seconds(s float64) time.Duration { return time.Duration(s * 1e9) }

func megabytes(b float64) string { return fmt.Sprintf("%.1f", b/1e6) }

// barWidth is that of the longest bar.
const barWidth = 50

// A Bar is a part of a histogram: values up to a limit.
type Bar struct {
	UpTo  time.Duration
	Count int64
}

// Bars are a histogram whose limits double.
func Bars(h *hdrhistogram.Histogram) (bars []Bar) {
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		limit := time.Duration(math.Exp2(math.Ceil(math.Log2(max(float64(b.To)/1e3, 1)))) * 1e3)
		for len(bars) > 0 && bars[len(bars)-1].UpTo < limit {
			bars = append(bars, Bar{UpTo: 2 * bars[len(bars)-1].UpTo})
		}
		if len(bars) == 0 {
			bars = []Bar{{UpTo: limit}}
		}
		bars[len(bars)-1].Count += b.Count
	}
	return bars
}

func showHistogram(s *screen.Screen, name string, h *hdrhistogram.Histogram) {
	bars := Bars(h)
	if len(bars) == 0 {
		return
	}
	most := slices.MaxFunc(bars, func(a, b Bar) int { return int(a.Count - b.Count) }).Count
	s.Line("\n  %s", s.Bold.Sprint(name))
	for _, b := range bars {
		share := 100 * float64(b.Count) / float64(h.TotalCount())
		s.Line("  %10s %s %s", "≤ "+screen.Short(b.UpTo), screen.Padded(bar(b.Count, most), barWidth), s.Faint.Sprintf("%6.2f %%", share))
	}
}

// bar is as long as its part of the longest, in eighths of a letter; what there is can be seen.
func bar(n, most int64) string {
	eighths := int(math.Round(float64(n) / float64(most) * barWidth * 8))
	if n > 0 {
		eighths = max(eighths, 1)
	}
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

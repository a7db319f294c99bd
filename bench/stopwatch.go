package main

import (
	"sync"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A stopwatch runs through the warm-up and the measured time of a sender.
type stopwatch struct {
	warm, measure int64
	start         int64
	tally         tally
	latencies     *latencies
	lately        []int64 // latencies that are not among those yet
}

func newStopwatch(o order) *stopwatch { return newSharing(o, newLatencies()) }

// newSharing is a stopwatch beside others, of which each has a goroutine.
func newSharing(o order, l *latencies) *stopwatch {
	return &stopwatch{warm: int64(o.Warm), measure: int64(o.Measure), latencies: l, lately: make([]int64, 0, atOnce)}
}

// latencies are those of all the senders of a process. A histogram for each of 64 would be 15 MB for the processor's caches to hold and for the
// system to make; so each has room for a few, which it hands over together.
type latencies struct {
	mu  sync.Mutex
	all *hdrhistogram.Histogram
}

// atOnce is how many latencies are handed over together.
const atOnce = 128

func newLatencies() *latencies { return &latencies{all: measure.NewHistogram()} }

func (l *latencies) add(some []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range some {
		measure.Record(l.all, d)
	}
}

// tick is called with the time before a message is sent, and reports whether it is the last one.
func (s *stopwatch) tick(t int64) (last bool) {
	if s.start == 0 {
		s.start = t
	}
	if s.tally.Began == 0 && t-s.start >= s.warm {
		s.tally.Began = t
	}
	return t-s.start >= s.warm+s.measure
}

// sent counts a message.
func (s *stopwatch) sent() {
	s.tally.Messages++
	if s.tally.Began != 0 {
		s.tally.Measured++
	}
}

// took records the time of a message, unless it belongs to the warm-up.
func (s *stopwatch) took(d int64) {
	if s.tally.Began == 0 {
		return
	}
	if s.lately = append(s.lately, d); len(s.lately) == atOnce {
		s.handOver()
	}
}

func (s *stopwatch) handOver() {
	s.latencies.add(s.lately)
	s.lately = s.lately[:0]
}

func (s *stopwatch) warmedUp() bool { return s.tally.Began != 0 }

// stop returns the tally; the latency is left out of it when nothing was timed.
func (s *stopwatch) stop() (tally, error) {
	s.tally.Ended = measure.Now()
	s.handOver()
	var err error
	s.tally.Latency, err = measure.EncodeHistogram(s.latencies.all)
	return s.tally, err
}

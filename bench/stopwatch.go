package main

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A stopwatch runs through the warm-up and the measured time of a sender.
type stopwatch struct {
	warm, measure int64
	start         int64
	tally         tally
	latency       *hdrhistogram.Histogram
}

func newStopwatch(o order) *stopwatch {
	return &stopwatch{warm: int64(o.Warm), measure: int64(o.Measure), latency: measure.NewHistogram()}
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
	if s.tally.Began != 0 {
		measure.Record(s.latency, d)
	}
}

func (s *stopwatch) warmedUp() bool { return s.tally.Began != 0 }

// stop returns the tally; the latency is left out of it when nothing was timed.
func (s *stopwatch) stop() (tally, error) {
	s.tally.Ended = measure.Now()
	var err error
	s.tally.Latency, err = measure.EncodeHistogram(s.latency)
	return s.tally, err
}

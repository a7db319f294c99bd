package main

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/internal/measure"
)

// stream sends messages one after the other until the time is over. Those that carry the time when
// they were sent are timed by the receiver.
func stream(o order, pace *measure.Pace, watch *stopwatch, send func(body []byte) error) error {
	body := make([]byte, o.Body)
	// Who sends large messages looks at the clock more often, or a run would last long after its end.
	each := uint64(max(1, measure.TimedEach*usualBody/o.Body))
	for last := false; !last; {
		number, sent := watch.tally.Messages, int64(0)
		t, err := pace.Next(number)
		if err != nil {
			return err
		}
		if t == 0 && number%each == 0 {
			t = measure.Now()
		}
		if t != 0 {
			last = watch.tick(t)
			if watch.warmedUp() {
				sent = t
			}
		}
		writeBody(body, number, sent, last)
		if err := send(body); err != nil {
			return err
		}
		watch.sent()
	}
	return nil
}

// arrivals is what a receiver keeps of a stream.
type arrivals struct {
	audit    audit
	latency  *hdrhistogram.Histogram
	progress []milestone
}

// A milestone says how many messages had come at a time.
type milestone struct {
	At    int64
	Count uint64
}

// milestoneEach is how far apart they are at least, in nanoseconds.
const milestoneEach = 5e6

func newArrivals(o order) *arrivals {
	return &arrivals{audit: audit{size: o.Body}, latency: measure.NewHistogram()}
}

// add reports whether the message was the last one.
func (a *arrivals) add(body []byte) (last bool, err error) {
	sent, last, err := a.audit.check(body)
	a.note(sent, a.audit.count)
	return last, err
}

// note is called with when a message was sent, 0 if it is not timed, and how many have come with it.
func (a *arrivals) note(sent int64, count uint64) {
	if sent == 0 && count%measure.TimedEach != 0 {
		return
	}
	t := measure.Now()
	if sent != 0 {
		measure.Record(a.latency, t-sent)
	}
	if n := len(a.progress); n == 0 || t-a.progress[n-1].At >= milestoneEach {
		a.progress = append(a.progress, milestone{t, count})
	}
}

func (a *arrivals) stop() (tally, error) {
	t := tally{Messages: a.audit.count, Ended: measure.Now(), Progress: a.progress}
	var err error
	t.Latency, err = measure.EncodeHistogram(a.latency)
	return t, err
}

// after is how many messages came after a time, of those whose progress this is.
func after(t int64, progress []milestone, all uint64) uint64 {
	var before milestone
	for _, m := range progress {
		if m.At >= t {
			if before.At == 0 {
				return all - m.Count
			}
			part := float64(t-before.At) / float64(m.At-before.At)
			return all - before.Count - uint64(part*float64(m.Count-before.Count))
		}
		before = m
	}
	return all - before.Count
}

// An ending is how a receiver that is called for each message says that all have come, or that a wrong one did.
type ending struct {
	end   chan tally
	fault chan error
}

func newEnding() ending { return ending{end: make(chan tally, 1), fault: make(chan error, 1)} }

// took is called with what was found of a message.
func (e ending) took(a *arrivals, last bool, err error) {
	var t tally
	if err == nil && last {
		t, err = a.stop()
	}
	switch {
	case err != nil:
		e.fail(err)
	case last:
		e.end <- t
	}
}

func (e ending) fail(err error) {
	select {
	case e.fault <- err:
	default: // the first one tells enough
	}
}

// wait waits for the last message, the first fault, or stop.
func (e ending) wait(stop <-chan struct{}) (tally, error) {
	select {
	case t := <-e.end:
		return t, nil
	case err := <-e.fault:
		return tally{}, err
	case <-stop:
		return tally{}, errStopped
	}
}

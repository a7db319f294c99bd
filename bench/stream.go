package main

import "github.com/HdrHistogram/hdrhistogram-go"

// stream sends messages one after the other until the time is over. Those that carry the time when
// they were sent are timed by the receiver.
func stream(o order, pace *pace, watch *stopwatch, send func(body []byte) error) error {
	body := make([]byte, o.Body)
	// Who sends large messages looks at the clock more often, or a run would last long after its end.
	each := uint64(max(1, timedEach*usualBody/o.Body))
	for last := false; !last; {
		number, sent := watch.tally.Messages, int64(0)
		t, err := pace.next(number)
		if err != nil {
			return err
		}
		if t == 0 && number%each == 0 {
			t = now()
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
	audit   audit
	latency *hdrhistogram.Histogram
}

func newArrivals(o order) *arrivals {
	return &arrivals{audit: audit{size: o.Body}, latency: newHistogram()}
}

// add reports whether the message was the last one.
func (a *arrivals) add(body []byte) (last bool, err error) {
	sent, last, err := a.audit.check(body)
	if sent != 0 {
		record(a.latency, now()-sent)
	}
	return last, err
}

func (a *arrivals) stop() (tally, error) {
	t := tally{Messages: a.audit.count, Ended: now()}
	var err error
	t.Latency, err = encodeHistogram(a.latency)
	return t, err
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

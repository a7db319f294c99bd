package main

import "github.com/HdrHistogram/hdrhistogram-go"

// stream sends messages one after the other until the time is over. Those that carry the time when
// they were sent are timed by the receiver.
func stream(pace *pace, watch *stopwatch, send func(body []byte) error) error {
	body := make([]byte, bodySize)
	for last := false; !last; {
		number, sent := watch.tally.Messages, int64(0)
		if t := pace.next(number); t != 0 {
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

func newArrivals() *arrivals { return &arrivals{latency: newHistogram()} }

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

package main

import "math"

// timedEach: at full speed one message in this many is timed, so that reading the clock does
// not become part of what is measured.
const timedEach = 32

// A pace says when messages are to be sent: as fast as possible, or so many a second.
type pace struct {
	interval float64 // nanoseconds between two messages; 0 at full speed
	start    int64
	idle     func() error // is called before a wait: to flush what was put together meanwhile; may be nil
}

func newPace(perSecond int) *pace {
	p := new(pace)
	if perSecond > 0 {
		p.interval = 1e9 / float64(perSecond)
		preciseSleep()
	}
	return p
}

// next waits until the message is due and returns when that was. Who is late sends at once, and the message
// counts from when it was due. It returns 0 for a message that is not timed.
func (p *pace) next(number uint64) (int64, error) {
	if p.interval == 0 {
		if number%timedEach != 0 {
			return 0, nil
		}
		return now(), nil
	}
	if number == 0 {
		p.start = now()
	}
	due := p.start + int64(math.Round(float64(number)*p.interval))
	if now() >= due {
		return due, nil
	}
	if p.idle != nil {
		if err := p.idle(); err != nil {
			return 0, err
		}
	}
	sleepUntil(due)
	return due, nil
}

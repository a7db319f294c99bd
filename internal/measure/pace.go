package measure

import "math"

// TimedEach is the number of messages of which one is timed at full speed, so that reading the clock does
// not become part of what is measured.
const TimedEach = 32

// A Pace says when messages are to be sent: as fast as possible, or so many a second. It belongs to one goroutine.
type Pace struct {
	// Idle is called before a wait, to flush what was put together meanwhile; it may be nil.
	Idle func() error

	interval float64 // nanoseconds between two messages; 0 at full speed
	start    int64
}

// NewPace is the pace of the calling goroutine, for so many messages a second; 0 is full speed.
func NewPace(perSecond float64) *Pace {
	p := new(Pace)
	if perSecond > 0 {
		p.interval = 1e9 / perSecond
		preciseSleep()
	}
	return p
}

// Next waits until the message is due and returns when that was. Who is late sends at once, and the message
// counts from when it was due. It returns 0 for a message that is not timed.
func (p *Pace) Next(number uint64) (int64, error) {
	if p.interval == 0 {
		if number%TimedEach != 0 {
			return 0, nil
		}
		return Now(), nil
	}
	if number == 0 && p.start == 0 {
		p.start = Now()
	}
	due := p.Due(number)
	if Now() >= due {
		return due, nil
	}
	if p.Idle != nil {
		if err := p.Idle(); err != nil {
			return 0, err
		}
	}
	SleepUntil(due)
	return due, nil
}

// Begin sets when the first message is due. Without it, that is when it is asked for.
func (p *Pace) Begin(at int64) { p.start = at }

// Due is when a message is due, of a pace that has begun.
func (p *Pace) Due(number uint64) int64 {
	return p.start + int64(math.Round(float64(number)*p.interval))
}

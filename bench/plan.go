package main

import "time"

// What a run takes beside the time that is planned for it: processes start, what waits is drained, the broker is asked what is left.
const (
	overhead    = 400 * time.Millisecond
	rabbitStart = 10 * time.Second
	// With all that there is to measure at scale, and with little of it.
	scaleTime, scaleTimeBriefly = 4 * time.Minute, 20 * time.Second
)

// slack is how many times as long as planned a run of the bench may take before it is ended, as one that hangs.
const slack = 2

// planned is about how long it takes.
func (f *flags) planned(rows []*row, atScale bool) time.Duration {
	all := rabbitStart
	for _, r := range rows {
		all += time.Duration(r.times(f.rounds)) * (f.Warm + r.measured(f.Measure) + overhead)
	}
	switch {
	case !atScale:
	case f.quick:
		all += scaleTimeBriefly
	default:
		all += scaleTime
	}
	return all
}

// bound is when the bench ends whatever happens. Whoever tries one row is given time to start RabbitMQ on a machine that is busy.
func (f *flags) bound(planned time.Duration) time.Duration { return slack*planned + ready }

// times is in how many rounds a row runs.
func (r *row) times(rounds int) int {
	if r.once {
		return 1
	}
	return rounds
}

// measured is how long a row is measured. Where the slowest of a hundred are looked for at a fixed rate, more of them tell more.
func (r *row) measured(usual time.Duration) time.Duration {
	if r.longer {
		return 2 * usual
	}
	return usual
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// results is everything a run of the bench found.
type results struct {
	Machine machine
	Foreign string `json:",omitempty"` // RabbitMQ or the other broker, in its own words
	Peers   []peer
	Rounds  int
	Warm    time.Duration
	Measure time.Duration
	Rows    []*finding
	AtScale *scaleTable `json:",omitempty"`
}

// A finding is a row with the outcome of each round.
type finding struct {
	*row
	Ratio    float64 `json:",omitempty"` // to the limit
	LeftOut  string  `json:",omitempty"` // why it was not run
	Outcomes []*outcome
}

// run runs the rows: first those at full speed, of which those at a fixed rate depend.
func (r *results) run(ctx context.Context, s setting, rows []*row, say func(string, ...any)) error {
	var full, steady []*finding
	for _, row := range rows {
		f := &finding{row: row}
		r.Rows = append(r.Rows, f)
		if row.peak == "" {
			full = append(full, f)
		} else {
			steady = append(steady, f)
		}
	}
	if err := r.runAll(ctx, s, full, say); err != nil {
		return err
	}
	able := steady[:0]
	for _, f := range steady {
		if r.keepsUp(f) {
			able = append(able, f)
		}
	}
	if err := r.runAll(ctx, s, able, say); err != nil {
		return err
	}
	r.compare()
	return nil
}

// keepsUp tells whether a row's peak is above the rate, and finds the rate where it depends on others.
func (r *results) keepsUp(f *finding) bool {
	if f.half != nil {
		own := *f.row
		own.order.Rate = r.halfOf(f.half)
		own.Title += ", " + perSecond(own.order.Rate)
		f.row = &own
	}
	peak := over(r.find(f.peak), rateOf).median()
	if f.order.Rate > 0 && peak >= headroom*float64(f.order.Rate) {
		return true
	}
	f.LeftOut = fmt.Sprintf("left out: its peak is %s", perSecond(int(peak)))
	return false
}

// headroom is by how much the peak must be above a fixed rate, or the row would measure how long its queue became.
const headroom = 1.1

// halfOf is half of what the best of these rows reached.
func (r *results) halfOf(names []string) int {
	var best float64
	for _, name := range names {
		if f := r.find(name); f != nil {
			best = max(best, over(f, rateOf).median())
		}
	}
	return int(best / 2)
}

// runAll runs rows in turn, round by round, so that what happens to the machine
// meanwhile happens to all of them.
func (r *results) runAll(ctx context.Context, s setting, rows []*finding, say func(string, ...any)) error {
	for round := range r.Rounds {
		for _, f := range rows {
			if f.once && round > 0 {
				continue
			}
			say("\rround %d of %d: %-50s", round+1, r.Rounds, f.Name)
			o, err := runRow(ctx, s, f.row, round+1)
			if err != nil {
				say("\n")
				return err
			}
			f.Outcomes = append(f.Outcomes, o)
		}
	}
	say("\r%70s\r", "")
	return nil
}

func (r *results) find(name string) *finding {
	for _, f := range r.Rows {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// A sample is one figure over the rounds.
type sample[T cmp.Ordered] []T

// over collects a figure of each round, in order of size.
func over[T cmp.Ordered](f *finding, figure func(*outcome) T) sample[T] {
	s := make(sample[T], len(f.Outcomes))
	for i, o := range f.Outcomes {
		s[i] = figure(o)
	}
	slices.Sort(s)
	return s
}

// median is the middle one, the smaller of the two in the middle when they are even in number.
func (s sample[T]) median() T { return s[(len(s)-1)/2] }
func (s sample[T]) least() T  { return s[0] }
func (s sample[T]) most() T   { return s[len(s)-1] }

func rateOf(o *outcome) float64       { return o.Rate }
func p50Of(o *outcome) time.Duration  { return o.P50 }
func p99Of(o *outcome) time.Duration  { return o.P99 }
func p999Of(o *outcome) time.Duration { return o.P999 }

// cpuOf is that of all processes together.
func cpuOf(o *outcome) float64 {
	var all float64
	for _, p := range o.Processes {
		all += p.CPU
	}
	return all
}

// beside is the ratio of a row to another: how many times as long a message takes, or for rows at full speed, how many
// times as many there are. The latency of plus, which may be nil, is added to the other's. It is 0 when there is nothing to compare with.
func (f *finding) beside(other, plus *finding) float64 {
	if other == nil || len(f.Outcomes) == 0 || len(other.Outcomes) == 0 {
		return 0
	}
	if !f.ByLatency {
		return over(f, rateOf).median() / over(other, rateOf).median()
	}
	limit := over(other, p50Of).median()
	if plus != nil && len(plus.Outcomes) > 0 {
		limit += over(plus, p50Of).median()
	}
	return float64(over(f, p50Of).median()) / float64(limit)
}

// compare fills in the ratios.
func (r *results) compare() {
	for _, f := range r.Rows {
		f.Ratio = f.beside(r.find(f.Limit), r.find(f.Plus))
	}
}

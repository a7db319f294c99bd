package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
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
	Partial string   `json:",omitempty"` // why the bench was ended before it was through; "" if it was
	Broken  []string `json:",omitempty"` // what failed, and why
	Rows    []*finding
	AtScale *scaleTable `json:",omitempty"`
}

// A finding is a row with the outcome of each round.
type finding struct {
	*row
	Ratio    float64 `json:",omitempty"` // to the limit
	LeftOut  string  `json:",omitempty"` // why it was not run
	Outcomes []*outcome
	broken   bool // in the last round that it ran in
}

// run runs the rows: first those at full speed, of which those at a fixed rate depend. Those that lack something are left out. It is
// an error when ctx is done; a row that fails is entered as broken, and the others run.
func (r *results) run(ctx context.Context, s setting, rows []*row, lacks func(*row) error, say *sayer) error {
	var full, steady []*finding
	for _, row := range rows {
		f := &finding{row: row}
		r.Rows = append(r.Rows, f)
		switch err := lacks(row); {
		case err != nil:
			f.LeftOut = "left out: " + firstLine(err.Error())
		case row.peak == "":
			full = append(full, f)
		default:
			steady = append(steady, f)
		}
	}
	say.all = runs(full, r.Rounds) + runs(steady, r.Rounds)
	defer r.compare()
	if err := r.runAll(ctx, s, full, say); err != nil {
		return err
	}
	able := steady[:0]
	for _, f := range steady {
		if r.keepsUp(f) {
			able = append(able, f)
		}
	}
	say.all = runs(full, r.Rounds) + runs(able, r.Rounds)
	return r.runAll(ctx, s, able, say)
}

func runs(rows []*finding, rounds int) (n int) {
	for _, f := range rows {
		n += f.times(rounds)
	}
	return n
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// keepsUp tells whether a row's peak is above the rate, and finds the rate where it depends on others.
func (r *results) keepsUp(f *finding) bool {
	if f.half != nil {
		own := *f.row
		own.order.Rate = r.halfOf(f.half)
		own.Title += ", " + perSecond(own.order.Rate)
		f.row = &own
	}
	peak := r.rate(f.peak)
	switch {
	case math.IsNaN(peak):
		f.LeftOut = "left out: " + f.peak + " has no figures"
	case f.order.Rate == 0 || peak < headroom*float64(f.order.Rate):
		f.LeftOut = fmt.Sprintf("left out: its peak is %s", perSecond(int(peak)))
	}
	return f.LeftOut == ""
}

// headroom is by how much the peak must be above a fixed rate, or the row would measure how long its queue became.
const headroom = 1.1

// halfOf is half of what the best of these rows reached.
func (r *results) halfOf(names []string) int {
	var best float64
	for _, name := range names {
		best = max(best, unless(r.rate(name), 0))
	}
	return int(best / 2)
}

// runAll runs rows in turn, round by round, so that what happens to the machine
// meanwhile happens to all of them. A row that has failed is not run again.
func (r *results) runAll(ctx context.Context, s setting, rows []*finding, say *sayer) error {
	for round := 1; round <= r.Rounds; round++ {
		for _, f := range rows {
			if round > f.times(r.Rounds) || f.broken {
				continue
			}
			if err := context.Cause(ctx); err != nil {
				return err
			}
			say.row(f.Name, round, r.Rounds)
			o, err := runRow(ctx, s, f.row, round)
			switch {
			case ctx.Err() != nil: // whatever the row says of it
				return context.Cause(ctx)
			case err != nil:
				f.broken = true
				r.broke(fmt.Errorf("round %d: %w", round, err), say)
			default:
				f.Outcomes = append(f.Outcomes, o)
			}
			if s.keep != nil {
				s.keep()
			}
		}
	}
	return nil
}

// broke enters a failure. What it was in full is told at once.
func (r *results) broke(err error, say *sayer) {
	r.Broken = append(r.Broken, firstLine(err.Error()))
	say.note("BROKEN: %v", err)
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

// median is the middle one, the smaller of the two in the middle when they are even in number. It is zero when there is none.
func (s sample[T]) median() (middle T) {
	if len(s) > 0 {
		middle = s[(len(s)-1)/2]
	}
	return middle
}
func (s sample[T]) least() T { return s[0] }
func (s sample[T]) most() T  { return s[len(s)-1] }

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

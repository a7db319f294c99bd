package main

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// results is everything a run of the bench found.
type results struct {
	Machine machine
	Foreign string `json:",omitempty"` // the other broker, in its own words
	Rounds  int
	Warm    time.Duration
	Measure time.Duration
	Rows    []*finding
	AtScale *scaleTable `json:",omitempty"`
}

// A finding is a row with the outcome of each round.
type finding struct {
	*row
	Ratio     float64 `json:",omitempty"` // to the limit
	ToForeign float64 `json:",omitempty"` // to the same row on the other broker
	Outcomes  []*outcome
}

// runAll runs the rows in turn, round by round, so that what happens to the machine
// meanwhile happens to all of them.
func (r *results) runAll(ctx context.Context, s setting, rows []*row, say func(string, ...any)) error {
	for _, row := range rows {
		r.Rows = append(r.Rows, &finding{row: row})
	}
	for round := range r.Rounds {
		for _, f := range r.Rows {
			say("\rround %d of %d: %-40s", round+1, r.Rounds, f.Name)
			o, err := runRow(ctx, s, f.row, round+1)
			if err != nil {
				say("\n")
				return err
			}
			f.Outcomes = append(f.Outcomes, o)
		}
	}
	say("\r%60s\r", "")
	r.compare()
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

func rateOf(o *outcome) float64      { return o.Rate }
func p50Of(o *outcome) time.Duration { return o.P50 }
func p99Of(o *outcome) time.Duration { return o.P99 }

// cpuOf is that of all processes together.
func cpuOf(o *outcome) float64 {
	var all float64
	for _, p := range o.Processes {
		all += p.CPU
	}
	return all
}

// beside is the ratio of two rows: how many times as long a message takes, or for rows at full speed, how many
// times as many there are. It is 0 when there is nothing to compare with.
func (f *finding) beside(other *finding) float64 {
	switch {
	case other == nil:
		return 0
	case f.ByLatency:
		return float64(over(f, p50Of).median()) / float64(over(other, p50Of).median())
	}
	return over(f, rateOf).median() / over(other, rateOf).median()
}

// compare fills in the ratios.
func (r *results) compare() {
	for _, f := range r.Rows {
		f.Ratio = f.beside(r.find(f.Limit))
		f.ToForeign = f.beside(r.find(foreignPrefix + f.Name))
	}
}

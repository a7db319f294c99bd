package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/measure"
	"github.com/postrider-mq/postrider/internal/plot"
)

// drawAll draws what there is to see into files of a directory, and returns their names.
func (r *results) drawAll(dir string) (names []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	charts := map[string]*plot.Chart{
		"sizes": r.bySize(), "connections": r.byCrowd("connections-", "publishing connections"),
		"queues": r.byCrowd("queues-", "queues"), "backlog": r.byBacklog(),
	}
	for _, work := range []string{workCall, workStream, workTransient, workDurable} {
		charts["latency-"+strings.Join(strings.FieldsFunc(work, func(c rune) bool { return c == ' ' || c == ',' }), "-")] = r.latencies(work)
	}
	for name, c := range charts {
		if len(c.Lines) == 0 {
			continue
		}
		names = append(names, name+".svg")
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), c.SVG(), 0o644); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

var perSecondAxis = plot.Axis{Name: "messages/s", Label: short}

// short words a power of ten.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}

// powerOfTime words a power of ten of nanoseconds.
func powerOfTime(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%g s", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%g ms", v/1e6)
	}
	return fmt.Sprintf("%g µs", v/1e3)
}

// latencies is the distribution of each row of a work, over all rounds: at 10,000 messages a second where that is a rate, or at
// full speed where each waits for the one before.
func (r *results) latencies(work string) *plot.Chart {
	c := &plot.Chart{
		Title: capital(work) + ": latency at " + perSecond(steadyRates[1].rate), Y: plot.Axis{Name: "latency", Label: powerOfTime},
		X: plot.Axis{Name: "part of the messages that took no longer"},
	}
	if work == workCall {
		c.Title = capital(work) + ": latency of one caller"
	}
	for _, q := range []float64{0, 50, 90, 99, 99.9, 99.99} {
		c.X.Ticks = append(c.X.Ticks, plot.Tick{At: rarity(q), Label: fmt.Sprintf("%g %%", q)})
	}
	for _, f := range r.Rows {
		chosen := f.order.Rate == steadyRates[1].rate && f.half == nil
		if work == workCall {
			chosen = f.peak == "" && f.order.Callers == 0
		}
		if f.does(work) && chosen && len(f.Outcomes) > 0 {
			c.Lines = append(c.Lines, plot.Line{Name: f.title(r.Foreign), Strong: f.ours(), Faint: f.limit(), Points: distribution(f)})
		}
	}
	return c
}

// rarity puts a percentile where one message in so many takes longer.
func rarity(q float64) float64 { return 100 / (100 - q) }

func distribution(f *finding) (points []plot.Point) {
	all := measure.NewHistogram()
	for _, o := range f.Outcomes {
		all.Merge(o.histogram)
	}
	for x := 1.0; x <= rarity(99.99)*1.001 && x <= float64(all.TotalCount()); x *= 1.12 {
		points = append(points, plot.Point{X: x, Y: float64(all.ValueAtQuantile(100 - 100/x))})
	}
	return points
}

func (r *results) bySize() *plot.Chart {
	c := &plot.Chart{Title: "Throughput by body size", X: plot.Axis{Name: "bytes of a body"}, Y: perSecondAxis}
	for _, size := range bodySizes {
		c.X.Ticks = append(c.X.Ticks, plot.Tick{At: float64(size), Label: sizeOf(size)})
	}
	for _, way := range sizeWays {
		l := plot.Line{}
		for _, size := range bodySizes {
			if f := r.find(way + suffixOf(sizeOf(size))); f != nil && len(f.Outcomes) > 0 {
				l.Name, l.Strong, l.Faint = f.title(r.Foreign), f.ours(), f.limit()
				l.Points = append(l.Points, plot.Point{X: float64(size), Y: over(f, rateOf).median()})
			}
		}
		if len(l.Points) > 0 {
			c.Lines = append(c.Lines, l)
		}
	}
	return c
}

func (r *results) byCrowd(name, what string) *plot.Chart {
	c := &plot.Chart{Title: "Throughput by " + what, X: plot.Axis{Name: what, Label: thousands}, Y: perSecondAxis}
	for _, w := range []struct{ prefix, who string }{{"", "Postrider"}, {foreignPrefix, r.Foreign}} {
		l := plot.Line{Name: w.who, Strong: w.prefix == ""}
		for _, n := range crowds {
			if f := r.find(fmt.Sprintf("%s%s%d", w.prefix, name, n)); f != nil && len(f.Outcomes) > 0 {
				l.Points = append(l.Points, plot.Point{X: float64(n), Y: over(f, rateOf).median()})
			}
		}
		if len(l.Points) > 0 {
			c.Lines = append(c.Lines, l)
		}
	}
	return c
}

// byBacklog is how fast a queue is drained that nobody took from before.
func (r *results) byBacklog() *plot.Chart {
	c := &plot.Chart{Title: "Drain rate by queue length", X: plot.Axis{Name: "messages in the queue", Label: short}, Y: perSecondAxis}
	if r.AtScale == nil {
		return c
	}
	for i, column := range r.AtScale.Columns {
		for _, b := range []struct {
			what string
			all  []backlogFigures
		}{{"persistent", column.Figures.Persistent}, {"transient", column.Figures.NotPersistent}} {
			l := plot.Line{Name: column.Name + ", " + b.what, Strong: i == 0}
			for _, f := range b.all {
				l.Points = append(l.Points, plot.Point{X: float64(f.Length), Y: f.Drain})
			}
			if len(l.Points) > 0 {
				c.Lines = append(c.Lines, l)
			}
		}
	}
	return c
}

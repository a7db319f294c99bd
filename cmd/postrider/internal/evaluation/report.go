package evaluation

import (
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
	"github.com/postrider-mq/postrider/internal/plot"
)

// figure is a plot with what it shows.
type figure struct {
	text string
	svg  string
}

// WriteReport writes a page that needs nothing but itself: no script, nothing from a network.
func (r *Result) WriteReport(w io.Writer, needs []Need) error {
	var p page
	p.WriteString(reportHead)
	p.put("<h1>Which of the four ways?</h1>\n<p class=\"quiet\">postrider evaluate, %s</p>\n", r.At.UTC().Format("2 January 2006, 15:04 UTC"))
	p.verdict(r.Decide(needs), needs)
	p.table(r.Table())
	p.put("\n<h2>Advice</h2>\n")
	for _, a := range r.Advise(needs) {
		p.put("<div class=\"card advice\">\n<p>%s</p>\n", a.Text)
		p.list(a.Figures)
		p.put("</div>\n")
	}
	p.put("\n<h2>Over time</h2>\n")
	for _, f := range r.plots() {
		p.put("<div class=\"card\"><figure>")
		p.WriteString(f.svg)
		p.put("<figcaption>%s</figcaption></figure></div>\n", f.text)
	}
	p.put("\n<h2>How this was measured</h2>\n<div class=\"card\">")
	p.list(r.How())
	p.put("</div>\n</main>\n</body>\n</html>\n")
	_, err := io.WriteString(w, p.String())
	return err
}

func (r *Result) plots() (all []figure) {
	add := func(text string, c *plot.Chart) {
		c.Width, c.Height, c.Legend = 940, 340, 230
		all = append(all, figure{text, string(c.SVG())})
	}
	add("What the sender waits for: how long the call took, from when the message was due. Further right, rarer: at 99 %, one call in a hundred took longer.",
		distribution("Until the call returned, undisturbed", r.Call))
	add("How soon a handler had a message, from when it was due.", distribution("Until a handler had it, undisturbed", r.EndToEnd))
	for _, fault := range r.Workload.Faults {
		add(fmt.Sprintf("%s at the shaded time. Messages that handlers got, in each 50 ms: a gap is a time without service, a peak what had waited.", capital(fault.What())),
			r.handledOver(fault))
		add("How long messages took that were due at a time, the slowest of each 50 ms: how far a fault reaches, and when all is well again.", r.slowestOver(fault))
	}
	return all
}

// rarity puts a percentile where one message in so many takes longer.
func rarity(q float64) float64 { return 100 / (100 - q) }

func distribution(title string, by [ways.Count]*hdrhistogram.Histogram) *plot.Chart {
	c := &plot.Chart{Title: title, Y: plot.Axis{Name: "time", Label: power}, X: plot.Axis{Name: "part of the messages that took no longer"}}
	for _, q := range []float64{0, 50, 90, 99, 99.9} {
		c.X.Ticks = append(c.X.Ticks, plot.Tick{At: rarity(q), Label: fmt.Sprintf("%g %%", q)})
	}
	for w, h := range by {
		l := plot.Line{Name: ways.Way(w).String()}
		for x := 1.0; h != nil && x <= rarity(99.9)*1.001 && x <= float64(h.TotalCount()); x *= 1.1 {
			l.Points = append(l.Points, plot.Point{X: x, Y: float64(h.ValueAtQuantile(100 - 100/x))})
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// power words a power of ten of nanoseconds.
func power(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%g s", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%g ms", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g µs", v/1e3)
	}
	return fmt.Sprintf("%g ns", v)
}

func (r *Result) over(fault Fault, title string, y plot.Axis, points func(Timeline) []plot.Point) *plot.Chart {
	c := &plot.Chart{Title: title, X: plot.Axis{Name: "seconds since the run began", Linear: true}, Y: y}
	for w := range ways.Count {
		t, ran := r.Timelines[w][fault]
		if !ran { // its line keeps its place, and the others their colours
			c.Lines = append(c.Lines, plot.Line{Name: fmt.Sprintf("%s (%s)", w, r.Ways[w].Faults[fault].Skipped)})
			continue
		}
		if len(c.Bands) == 0 {
			c.Bands = []plot.Band{{From: t.From.Seconds(), To: t.To.Seconds(), Label: screen.Short(r.Workload.Down)}}
		}
		c.Lines = append(c.Lines, plot.Line{Name: w.String(), Points: points(t)})
	}
	return c
}

func (r *Result) handledOver(fault Fault) *plot.Chart {
	return r.over(fault, capital(fault.What())+": messages handled", plot.Axis{Name: "messages in 50 ms", Linear: true}, func(t Timeline) (points []plot.Point) {
		for i, n := range t.Handled {
			points = append(points, plot.Point{X: float64(i) * t.Bucket.Seconds(), Y: float64(n)})
		}
		return points
	})
}

func (r *Result) slowestOver(fault Fault) *plot.Chart {
	return r.over(fault, capital(fault.What())+": how long messages took", plot.Axis{Name: "until handled", Label: power}, func(t Timeline) (points []plot.Point) {
		for i, d := range t.Slowest {
			if d > 0 {
				points = append(points, plot.Point{X: float64(i) * t.Bucket.Seconds(), Y: float64(d)})
			}
		}
		return points
	})
}

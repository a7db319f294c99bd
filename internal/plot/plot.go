package plot

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// A Chart has lines, and says what its axes mean.
type Chart struct {
	Title string
	X, Y  Axis
	Lines []Line
	Bands []Band
	// Width, Height and Legend, the width that the names of lines have beside it, are in pixels; 0 is 980, 440 and 376.
	Width, Height, Legend int
}

// An Axis is logarithmic unless it is linear.
type Axis struct {
	Name   string
	Linear bool // from 0, or the lowest value if that is below
	// Ticks are where it is labelled; without any, at each power of ten within the data, or at round numbers.
	Ticks []Tick
	// Label words the value of a tick; nil prints the number.
	Label func(float64) string
}

// A Band is a part of the X axis that is shaded.
type Band struct {
	From, To float64
	Label    string
}

// A Tick is a place on an axis.
type Tick struct {
	At    float64
	Label string
}

// A Line goes through points whose values are above 0.
type Line struct {
	Name   string
	Points []Point
	Strong bool // drawn thicker than the others
	Faint  bool // drawn in grey, broken: a limit
}

// A Point is one value.
type Point struct{ X, Y float64 }

// The picture, in pixels.
const (
	defaultWidth, defaultHeight, defaultLegend = 980, 440, 376
	left, top, bottom                          = 84, 44, 56
	gap                                        = 14 // between the lines and their names
)

// frame is where the lines are.
type frame struct{ width, height, right int }

func (c *Chart) frame() frame {
	or := func(n, otherwise int) int {
		if n > 0 {
			return n
		}
		return otherwise
	}
	return frame{or(c.Width, defaultWidth), or(c.Height, defaultHeight), or(c.Legend, defaultLegend) + gap}
}

// colours differ also for those who do not tell red from green (Okabe and Ito).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5230", "#333333"}

// SVG draws the chart. Points that have no place on a logarithmic axis are left out.
func (c *Chart) SVG() []byte {
	f := c.frame()
	width, height, right := f.width, f.height, f.right
	x, y := c.scale(left, float64(width-right), pointX, c.X), c.scale(float64(height-bottom), top, pointY, c.Y)
	b := new(bytes.Buffer)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text(b, left, 24, "start", "#111111", 15, c.Title)
	for _, s := range c.Bands {
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#fbe9d0"/>`+"\n", x.at(s.From), top, x.at(s.To)-x.at(s.From), height-bottom-top)
		text(b, (x.at(s.From)+x.at(s.To))/2, top+14, "middle", "#8a5a00", 12, s.Label)
	}
	for _, t := range x.ticks {
		line(b, x.at(t.At), top, x.at(t.At), float64(height-bottom))
		text(b, x.at(t.At), float64(height-bottom+18), "middle", "#444444", 12, t.Label)
	}
	for _, t := range y.ticks {
		line(b, left, y.at(t.At), float64(width-right), y.at(t.At))
		text(b, left-8, y.at(t.At)+4, "end", "#444444", 12, t.Label)
	}
	text(b, float64(left+width-right)/2, float64(height-14), "middle", "#444444", 12, c.X.Name)
	fmt.Fprintf(b, `<text x="16" y="%d" text-anchor="middle" fill="#444444" transform="rotate(-90 16 %d)">%s</text>`+"\n",
		(top+height-bottom)/2, (top+height-bottom)/2, html.EscapeString(c.Y.Name))
	colour := 0
	for i, l := range c.Lines {
		stroke := colours[colour%len(colours)]
		if l.Faint {
			stroke = "#999999"
		} else {
			colour++
		}
		c.draw(b, &l, x, y, stroke)
		l.legend(b, width-right+gap, float64(top+8+i*20), stroke)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func pointX(p Point) float64 { return p.X }
func pointY(p Point) float64 { return p.Y }

func (l *Line) style(stroke string) string {
	width, dashes := "1.6", ""
	if l.Strong {
		width = "3"
	}
	if l.Faint {
		dashes = ` stroke-dasharray="5 4"`
	}
	return fmt.Sprintf(`fill="none" stroke="%s" stroke-width="%s"%s`, stroke, width, dashes)
}

func (c *Chart) draw(b *bytes.Buffer, l *Line, x, y scale, stroke string) {
	fmt.Fprintf(b, `<polyline %s points="`, l.style(stroke))
	for _, p := range l.Points {
		if c.placed(p) {
			fmt.Fprintf(b, "%.1f,%.1f ", x.at(p.X), y.at(p.Y))
		}
	}
	b.WriteString(`"/>` + "\n")
	if len(l.Points) > 12 {
		return
	}
	for _, p := range l.Points {
		if c.placed(p) {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(p.X), y.at(p.Y), stroke)
		}
	}
}

func (l *Line) legend(b *bytes.Buffer, from int, at float64, stroke string) {
	fmt.Fprintf(b, `<path %s d="M %d %.0f h 24"/>`+"\n", l.style(stroke), from, at)
	text(b, float64(from+32), at+4, "start", "#222222", 12, l.Name)
}

func text(b *bytes.Buffer, x, y float64, anchor, colour string, size int, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, colour, size, html.EscapeString(s))
}

func line(b *bytes.Buffer, x1, y1, x2, y2 float64) {
	fmt.Fprintf(b, `<path stroke="#e2e2e2" d="M %.1f %.1f L %.1f %.1f"/>`+"\n", x1, y1, x2, y2)
}

// placed reports whether a point has a place.
func (c *Chart) placed(p Point) bool { return c.X.has(p.X) && c.Y.has(p.Y) }

func (a Axis) has(v float64) bool {
	return (a.Linear || v > 0) && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// A scale puts values into the picture.
type scale struct {
	linear    bool
	low, high float64 // logarithms, unless it is linear
	from, to  float64 // pixels
	ticks     []Tick
}

func (s scale) measure(v float64) float64 {
	if s.linear {
		return v
	}
	return math.Log10(v)
}

func (s scale) at(v float64) float64 {
	return s.from + (s.measure(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

func (c *Chart) scale(from, to float64, value func(Point) float64, a Axis) scale {
	s := scale{linear: a.Linear, low: math.Inf(1), high: math.Inf(-1), from: from, to: to, ticks: a.Ticks}
	reach := func(v float64) { s.low, s.high = min(s.low, s.measure(v)), max(s.high, s.measure(v)) }
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if c.placed(p) {
				reach(value(p))
			}
		}
	}
	for _, t := range a.Ticks {
		reach(t.At)
	}
	if s.linear {
		s.low = min(s.low, 0)
	}
	if s.low > s.high { // there is nothing to see
		s.low, s.high = 0, 1
	}
	switch {
	case len(a.Ticks) > 0:
	case s.linear:
		s.round(a.Label)
	default:
		s.powers(a.Label)
	}
	if s.low == s.high {
		s.high++
	}
	return s
}

// powers has a logarithmic scale begin, end and be labelled at powers of ten.
func (s *scale) powers(label func(float64) string) {
	s.low, s.high = math.Floor(s.low), math.Ceil(s.high)
	if s.low == s.high {
		s.high++
	}
	for e := s.low; e <= s.high; e++ {
		s.tick(math.Pow(10, e), label)
	}
}

// round has a linear scale end and be labelled at round numbers, five or so.
func (s *scale) round(label func(float64) string) {
	if s.low == s.high {
		s.high++
	}
	step := math.Pow(10, math.Floor(math.Log10((s.high-s.low)/4)))
	for _, times := range []float64{5, 2} {
		if (s.high-s.low)/(times*step) >= 3 {
			step *= times
			break
		}
	}
	s.low, s.high = math.Floor(s.low/step)*step, math.Ceil(s.high/step)*step
	for i := 0.0; s.low+i*step <= s.high+step/2; i++ {
		s.tick(s.low+i*step, label)
	}
}

func (s *scale) tick(v float64, label func(float64) string) {
	text := fmt.Sprintf("%g", v)
	if label != nil {
		text = label(v)
	}
	s.ticks = append(s.ticks, Tick{v, text})
}

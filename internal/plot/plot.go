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
}

// An Axis is logarithmic.
type Axis struct {
	Name string
	// Ticks are where it is labelled; without any, at each power of ten within the data.
	Ticks []Tick
	// Label words a power of ten; nil prints the number.
	Label func(float64) string
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
	width, height            = 980, 440
	left, right, top, bottom = 84, 390, 44, 56
)

// colours differ also for those who do not tell red from green (Okabe and Ito).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5230", "#333333"}

// SVG draws the chart. Points that have no place on a logarithmic axis are left out.
func (c *Chart) SVG() []byte {
	x, y := c.scale(left, width-right, func(p Point) float64 { return p.X }, c.X), c.scale(height-bottom, top, func(p Point) float64 { return p.Y }, c.Y)
	b := new(bytes.Buffer)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text(b, left, 24, "start", "#111111", 15, c.Title)
	for _, t := range x.ticks {
		line(b, x.at(t.At), top, x.at(t.At), height-bottom)
		text(b, x.at(t.At), height-bottom+18, "middle", "#444444", 12, t.Label)
	}
	for _, t := range y.ticks {
		line(b, left, y.at(t.At), width-right, y.at(t.At))
		text(b, left-8, y.at(t.At)+4, "end", "#444444", 12, t.Label)
	}
	text(b, (left+width-right)/2, height-14, "middle", "#444444", 12, c.X.Name)
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
		l.draw(b, x, y, stroke)
		l.legend(b, float64(top+8+i*20), stroke)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

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

func (l *Line) draw(b *bytes.Buffer, x, y scale, stroke string) {
	fmt.Fprintf(b, `<polyline %s points="`, l.style(stroke))
	for _, p := range l.Points {
		if placed(p) {
			fmt.Fprintf(b, "%.1f,%.1f ", x.at(p.X), y.at(p.Y))
		}
	}
	b.WriteString(`"/>` + "\n")
	if len(l.Points) > 12 {
		return
	}
	for _, p := range l.Points {
		if placed(p) {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(p.X), y.at(p.Y), stroke)
		}
	}
}

func (l *Line) legend(b *bytes.Buffer, at float64, stroke string) {
	const from = width - right + 14
	fmt.Fprintf(b, `<path %s d="M %d %.0f h 24"/>`+"\n", l.style(stroke), from, at)
	text(b, from+32, at+4, "start", "#222222", 12, l.Name)
}

func text(b *bytes.Buffer, x, y float64, anchor, colour string, size int, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, colour, size, html.EscapeString(s))
}

func line(b *bytes.Buffer, x1, y1, x2, y2 float64) {
	fmt.Fprintf(b, `<path stroke="#e2e2e2" d="M %.1f %.1f L %.1f %.1f"/>`+"\n", x1, y1, x2, y2)
}

func placed(p Point) bool {
	return p.X > 0 && p.Y > 0 && !math.IsInf(p.X, 0) && !math.IsInf(p.Y, 0)
}

// A scale puts values into the picture.
type scale struct {
	low, high float64 // logarithms
	from, to  float64 // pixels
	ticks     []Tick
}

func (s scale) at(v float64) float64 {
	return s.from + (math.Log10(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

func (c *Chart) scale(from, to float64, value func(Point) float64, a Axis) scale {
	s := scale{low: math.Inf(1), high: math.Inf(-1), from: from, to: to, ticks: a.Ticks}
	reach := func(v float64) { s.low, s.high = min(s.low, math.Log10(v)), max(s.high, math.Log10(v)) }
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if placed(p) {
				reach(value(p))
			}
		}
	}
	for _, t := range a.Ticks {
		reach(t.At)
	}
	if s.low > s.high { // there is nothing to see
		s.low, s.high = 0, 1
	}
	if len(a.Ticks) > 0 {
		if s.low == s.high {
			s.high++
		}
		return s
	}
	s.low, s.high = math.Floor(s.low), math.Ceil(s.high)
	if s.low == s.high {
		s.high++
	}
	for e := s.low; e <= s.high; e++ {
		v := math.Pow(10, e)
		label := fmt.Sprintf("%g", v)
		if a.Label != nil {
			label = a.Label(v)
		}
		s.ticks = append(s.ticks, Tick{v, label})
	}
	return s
}

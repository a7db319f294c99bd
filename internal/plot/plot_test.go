package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// elements counts the elements of a picture, which must be XML.
func elements(t *testing.T, svg []byte) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			found[e.Name.Local]++
		}
	}
}

func TestAChartHasItsLinesItsPointsAndItsWords(t *testing.T) {
	c := Chart{
		Title: "a < b & c", X: Axis{Name: "bytes"}, Y: Axis{Name: "a second", Label: func(float64) string { return "label" }},
		Lines: []Line{
			{Name: "one", Strong: true, Points: []Point{{1, 10}, {10, 100}, {100, 0}, {1000, math.Inf(1)}}},
			{Name: "limit", Faint: true, Points: []Point{{1, 1000}, {100, 1000}}},
		},
	}
	svg := c.SVG()
	found := elements(t, svg)
	if found["polyline"] != 2 || found["circle"] != 4 {
		t.Errorf("%v", found)
	}
	for _, want := range []string{"a &lt; b &amp; c", ">one<", ">limit<", ">bytes<", ">label<", ">100<", "stroke-dasharray"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
}

func TestValuesLieBetweenTheirTicks(t *testing.T) {
	c := Chart{Lines: []Line{{Points: []Point{{3, 1}, {70, 1}}}}}
	s := c.scale(0, 100, func(p Point) float64 { return p.X }, Axis{})
	for v, want := range map[float64]float64{1: 0, 10: 50, 100: 100} {
		if got := s.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
	if len(s.ticks) != 3 {
		t.Errorf("%v", s.ticks)
	}
}

func TestAnEmptyChartIsAPictureToo(t *testing.T) {
	c := Chart{Lines: []Line{{Name: "nothing"}}}
	elements(t, c.SVG())
}

func TestALinearAxisEndsAtRoundNumbers(t *testing.T) {
	c := Chart{X: Axis{Linear: true}, Y: Axis{Linear: true}, Lines: []Line{{Points: []Point{{0, 0}, {2.4, 470}}}}}
	y := c.scale(0, 100, pointY, c.Y)
	if y.low != 0 || y.high != 500 || len(y.ticks) != 6 || y.ticks[1].Label != "100" || y.at(250) != 50 {
		t.Errorf("%+v", y)
	}
	x := c.scale(0, 100, pointX, c.X)
	if x.high != 2.5 || x.ticks[1].Label != "0.5" {
		t.Errorf("%+v", x)
	}
	if found := elements(t, c.SVG()); found["circle"] != 2 {
		t.Errorf("a point at 0 has no place: %v", found)
	}
}

func TestABandIsShadedAndNamed(t *testing.T) {
	c := Chart{
		X: Axis{Linear: true}, Width: 500, Height: 300, Legend: 100,
		Bands: []Band{{1, 2, "a fault"}}, Lines: []Line{{Points: []Point{{0, 1}, {3, 10}}}},
	}
	svg := c.SVG()
	if found := elements(t, svg); found["rect"] != 2 || !strings.Contains(string(svg), ">a fault<") || !strings.Contains(string(svg), `width="500"`) {
		t.Errorf("%s", svg)
	}
}

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

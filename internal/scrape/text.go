package scrape

import (
	"math"
	"strconv"
	"strings"
)

// Format is the media type of what Append makes.
const Format = "text/plain; version=0.0.4; charset=utf-8"

// Append appends a family in Prometheus's text format:
//
//	# HELP NAME text
//	# TYPE NAME kind
//	NAME{label="value",…} number
//
// One without series is not shown.
func (f *Family) Append(dst []byte) []byte {
	spread := f.Kind == Histogram || f.Kind == Summary
	if len(f.Series) == 0 && !spread {
		return dst
	}
	dst = append(dst, "# HELP "+f.Name+" "+helpEscapes.Replace(f.Help)+"\n# TYPE "+f.Name+" "+string(f.Kind)+"\n"...)
	if spread {
		return f.Spread.append(dst, f.Name, f.Kind)
	}
	for _, s := range f.Series {
		dst = appendSeries(dst, f.Name, s.Value, f.Labels, s.Values)
	}
	return dst
}

func (s *Spread) append(dst []byte, name string, kind Kind) []byte {
	if kind == Histogram {
		for _, w := range append(s.Within, Within{math.Inf(1), s.Count}) {
			dst = appendSeries(dst, name+"_bucket", float64(w.Count), []string{"le"}, []string{numeral(w.Bound)})
		}
	}
	dst = appendSeries(dst, name+"_sum", s.Sum, nil, nil)
	return appendSeries(dst, name+"_count", float64(s.Count), nil, nil)
}

func appendSeries(dst []byte, name string, value float64, labels, values []string) []byte {
	dst = append(dst, name...)
	for i, l := range labels {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		dst = append(dst, before)
		dst = append(dst, l+`="`+valueEscapes.Replace(values[i])+`"`...)
	}
	if len(labels) > 0 {
		dst = append(dst, '}')
	}
	return append(dst, " "+numeral(value)+"\n"...)
}

// numeral is a number as the format wants it: shortest, and infinity with its sign.
func numeral(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

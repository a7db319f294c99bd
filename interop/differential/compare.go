package differential

import (
	"fmt"
	"slices"
	"strings"
)

// A Difference is where two brokers part.
type Difference struct {
	Step   int // the number of steps: what is in the queues at the end
	Theirs []string
	Ours   []string
}

// String shows the lines of either side that the other has not.
func (d *Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "at step %d\n", d.Step)
	for _, line := range missing(d.Theirs, d.Ours) {
		fmt.Fprintf(&b, "  RabbitMQ   %s\n", line)
	}
	for _, line := range missing(d.Ours, d.Theirs) {
		fmt.Fprintf(&b, "  Postrider  %s\n", line)
	}
	if b.Len() < 20 {
		fmt.Fprintf(&b, "  in another order:\n  RabbitMQ   %q\n  Postrider  %q\n", d.Theirs, d.Ours)
	}
	return b.String()
}

// missing are the lines of a that b lacks.
func missing(a, b []string) (lines []string) {
	b = slices.Clone(b)
	for _, line := range a {
		if i := slices.Index(b, line); i >= 0 {
			b = slices.Delete(b, i, i+1)
		} else {
			lines = append(lines, line)
		}
	}
	return lines
}

// Compare returns where what the brokers showed first differs, or nil. What
// differs on purpose is noted in used and passed over; some of it leaves the
// brokers in states that cannot be compared any further.
func Compare(p Program, theirs, ours [][]string, used map[string]int) *Difference {
	for i := range theirs {
		if slices.Equal(theirs[i], ours[i]) {
			continue
		}
		d := &Difference{Step: i, Theirs: theirs[i], Ours: ours[i]}
		deliberate := excuse(p, d)
		if deliberate == nil {
			return d
		}
		used[deliberate.name]++
		if deliberate.parts {
			return nil
		}
	}
	return nil
}

// Shrink returns the shortest program that it finds for which differs is true,
// leaving out steps, many at first. It asks at most budget times.
func Shrink(p Program, budget int, differs func(Program) bool) Program {
	for size := len(p) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(p) && budget > 0; budget-- {
			shorter := slices.Delete(slices.Clone(p), at, at+size)
			if differs(shorter) {
				p = shorter
			} else {
				at += size
			}
		}
	}
	return p
}

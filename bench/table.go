package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// print writes the results as Markdown that reads well in a terminal, too.
func (r *results) print(b *bytes.Buffer) {
	m := r.Machine
	fmt.Fprintf(b, "%s, %d CPUs, %s; %s; disk %s; %s; %s.\n", m.CPU, m.CPUs, size(m.Memory), m.Kernel, m.Disk, m.Go, m.Date)
	fmt.Fprintf(b, "%d-byte bodies; %d rounds of %v after %v of warm-up: median (least to most).\n", bodySize, r.Rounds, r.Measure, r.Warm)
	if m.Disk == "tmpfs" {
		b.WriteString("The durable rows ran in memory: choose a directory on a disk with -dir.\n")
	}
	speed := grid{{"row", "work", "p50", "p99", "messages/s", "beside the limit"}}
	if r.Foreign != "" {
		speed[0] = append(speed[0], "beside "+r.Foreign)
	}
	cost := grid{{"row", "CPU seconds a million messages", "resident MiB"}}
	for _, f := range r.Rows {
		speed = append(speed, r.speed(f))
		cost = append(cost, price(f))
	}
	if len(r.Rows) > 0 {
		b.WriteString("\n")
		speed.write(b)
		b.WriteString("\n")
		cost.write(b)
	}
	if r.AtScale != nil {
		b.WriteString("\n")
		r.AtScale.print(b, r.Foreign)
	}
}

func (r *results) speed(f *finding) []string {
	p50, p99, rate := over(f, p50Of), over(f, p99Of), over(f, rateOf)
	title := f.Title
	if f.foreign {
		title += ", " + r.Foreign
	}
	line := []string{
		f.Name,
		title,
		spread(p50, duration),
		duration(p99.median()),
		spread(rate, thousands),
		besideLimit(f),
	}
	if r.Foreign != "" {
		line = append(line, besideForeign(f))
	}
	return line
}

func price(f *finding) []string {
	cpu := func(p processCost) float64 { return p.CPU }
	mebibytes := func(p processCost) float64 { return float64(p.Resident) / (1 << 20) }
	all := fmt.Sprintf("%.2f: ", over(f, cpuOf).median())
	return []string{f.Name, all + costs(f, "%.2f", cpu), costs(f, "%.0f", mebibytes)}
}

func besideLimit(f *finding) string {
	switch {
	case f.Limit == "":
		return "a limit"
	case f.ByLatency || f.Ratio >= 1:
		return fmt.Sprintf("%.2f × %s", f.Ratio, f.Limit)
	}
	return fmt.Sprintf("%.1f %% of %s", 100*f.Ratio, f.Limit)
}

func besideForeign(f *finding) string {
	if f.ToForeign == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ×", f.ToForeign)
}

// costs lists the median of a cost, process by process.
func costs(f *finding, format string, of func(processCost) float64) string {
	var all []string
	for i, p := range f.Outcomes[0].Processes {
		s := over(f, func(o *outcome) float64 { return of(o.Processes[i]) })
		all = append(all, p.Role+" "+fmt.Sprintf(format, s.median()))
	}
	return strings.Join(all, ", ")
}

func spread[T float64 | time.Duration](s sample[T], show func(T) string) string {
	if len(s) == 1 {
		return show(s[0])
	}
	return fmt.Sprintf("%s (%s to %s)", show(s.median()), show(s.least()), show(s.most()))
}

func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// thousands groups the digits of a rate.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(bytes uint64) string { return fmt.Sprintf("%.0f GiB", float64(bytes)/(1<<30)) }

// A grid is a table, its first line the heads of the columns.
type grid [][]string

func (g grid) write(b *bytes.Buffer) {
	widths := make([]int, len(g[0]))
	for _, line := range g {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range g {
		for i, cell := range line {
			fmt.Fprintf(b, "| %-*s ", widths[i], cell)
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range widths {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
}

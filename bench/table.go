package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// print writes the results as Markdown that reads well in a terminal, too.
func (r *results) print(b *bytes.Buffer) {
	m := r.Machine
	fmt.Fprintf(b, "%s, %d CPUs, %s; %s; disk %s; %s; %s.\n", m.CPU, m.CPUs, size(m.Memory), m.Kernel, m.Disk, m.Go, m.Date)
	var peers []string
	for _, p := range r.Peers {
		what := p.Name + " " + p.Version
		if p.Missing != "" {
			what = p.Name + " was not measured (" + firstLine(p.Missing) + ")"
		}
		peers = append(peers, what)
	}
	if len(peers) > 0 {
		fmt.Fprintf(b, "%s.\n", strings.Join(peers, ", "))
	}
	fmt.Fprintf(b, "%d-byte bodies; %d rounds of %v after %v of warm-up: median (least to most).\n", usualBody, r.Rounds, r.Measure, r.Warm)
	if m.Disk == "tmpfs" {
		b.WriteString("The durable rows ran in memory: choose a directory on a disk with -dir.\n")
	}
	r.printFailures(b)
	r.printTargets(b)
	for _, work := range works(r.Rows) {
		if work == workSizes {
			continue // has a table of its own
		}
		speed := grid{{"row", work, "p50", "p99", "p99.9", "messages/s", "beside the limit"}}
		cost := grid{{"row", "CPU seconds a million messages", "resident MiB"}}
		for _, f := range r.Rows {
			if f.Work != work {
				continue
			}
			speed = append(speed, r.speed(f))
			if f.peak == "" && len(f.Outcomes) > 0 {
				cost = append(cost, price(f))
			}
		}
		fmt.Fprintf(b, "\n## %s\n\n", capital(work))
		speed.write(b)
		if len(cost) > 1 {
			b.WriteString("\n")
			cost.write(b)
		}
		if limits := r.clientLimits(); work == workClients && len(limits) > 1 {
			b.WriteString("\n")
			limits.write(b)
		}
	}
	r.sizes(b)
	if r.AtScale != nil && len(r.AtScale.Columns) > 0 {
		b.WriteString("\n")
		b.WriteString("## At rest and at scale\n\n")
		r.AtScale.print(b)
	}
}

// printFailures says what a reader must know before all figures.
func (r *results) printFailures(b *bytes.Buffer) {
	if r.Partial != "" {
		fmt.Fprintf(b, "\n**PARTIAL: %s.** What is there was measured; what is not there was not.\n", r.Partial)
	}
	for _, what := range r.Broken {
		fmt.Fprintf(b, "\n**BROKEN: %s**\n", what)
	}
}

func (r *results) speed(f *finding) []string {
	if len(f.Outcomes) == 0 {
		return []string{f.Name, f.title(r.Foreign), r.whyNot(f), "", "", "", ""}
	}
	return []string{
		f.Name,
		f.title(r.Foreign),
		spread(over(f, p50Of), duration),
		duration(over(f, p99Of).median()),
		duration(over(f, p999Of).median()),
		spread(over(f, rateOf), thousands),
		besideLimit(f),
	}
}

// whyNot says why a row has no figures.
func (r *results) whyNot(f *finding) string {
	switch {
	case f.LeftOut != "":
		return f.LeftOut
	case f.broken:
		return "BROKEN"
	}
	return "not run"
}

func price(f *finding) []string {
	cpu := func(p processCost) float64 { return p.CPU }
	mebibytes := func(p processCost) float64 { return float64(p.Resident) / (1 << 20) }
	all := fmt.Sprintf("%.2f: ", over(f, cpuOf).median())
	return []string{f.Name, all + costs(f, "%.2f", cpu), costs(f, "%.0f", mebibytes)}
}

func besideLimit(f *finding) string {
	switch {
	case f.Limit == "" && f.limit():
		return "a limit"
	case f.Ratio == 0:
		return ""
	case f.Plus != "":
		return fmt.Sprintf("%.2f × (%s + %s)", f.Ratio, f.Limit, f.Plus)
	case f.ByLatency || f.Ratio >= 1:
		return fmt.Sprintf("%.2f × %s", f.Ratio, f.Limit)
	}
	return fmt.Sprintf("%.1f %% of %s", 100*f.Ratio, f.Limit)
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

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// works are the kinds of work of the rows, in their order.
func works(rows []*finding) (all []string) {
	for _, f := range rows {
		if !slices.Contains(all, f.Work) {
			all = append(all, f.Work)
		}
	}
	return all
}

// sizes has a line for each way and a column for each size.
func (r *results) sizes(b *bytes.Buffer) {
	g := grid{{"messages/s, and MB/s"}}
	for _, size := range bodySizes {
		g[0] = append(g[0], sizeOf(size))
	}
	for _, of := range sizeWays {
		line := []string{""}
		for _, size := range bodySizes {
			cell := ""
			if f := r.find(of + suffixOf(sizeOf(size))); f != nil {
				line[0] = f.title(r.Foreign)
				if len(f.Outcomes) == 0 {
					line = append(line, r.whyNot(f))
					continue
				}
				rate := over(f, rateOf).median()
				cell = fmt.Sprintf("%s, %s", thousands(rate), significant(rate*float64(size)/1e6))
			}
			line = append(line, cell)
		}
		if line[0] != "" {
			g = append(g, line)
		}
	}
	if len(g) > 1 {
		fmt.Fprintf(b, "\n## %s\n\n", capital(workSizes))
		g.write(b)
	}
}

func significant(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(v)
}

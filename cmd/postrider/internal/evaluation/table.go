package evaluation

import (
	"fmt"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// A Section is a part of the table: rows about one thing.
type Section struct {
	Title string
	Rows  []Row
}

// A Row is one figure, of each way.
type Row struct {
	Label string
	Cells [ways.Count]Cell
}

// A Cell is a figure as people read it.
type Cell struct {
	Text string
	Tone Tone
}

// Tone says whether a figure is good news.
type Tone string

// Tones.
const (
	Plain Tone = ""
	Good  Tone = "good"
	Bad   Tone = "bad"
	Faint Tone = "faint"
)

// Table is what was measured, for people.
func (r *Result) Table() (all []Section) {
	w := &r.Workload
	latency := func(of func(*Figures) Latency, q func(Latency) time.Duration) func(*Figures) Cell {
		return func(f *Figures) Cell { return Cell{Text: screen.Short(q(of(f)))} }
	}
	call, confirmed, endToEnd := func(f *Figures) Latency { return f.Call }, func(f *Figures) Latency { return f.Confirmed }, func(f *Figures) Latency { return f.EndToEnd }
	processes := "all processes"
	if r.Broker.Address != "" {
		processes = "without the broker"
	}
	p50, p99, most := func(l Latency) time.Duration { return l.P50 }, func(l Latency) time.Duration { return l.P99 }, func(l Latency) time.Duration { return l.Max }
	all = append(all, Section{
		Title: fmt.Sprintf("Undisturbed, %s messages/s", screen.Grouped(int(w.Rate))),
		Rows: []Row{
			r.row("the call takes, p50", latency(call, p50)), r.row("… p99", latency(call, p99)), r.row("… max", latency(call, most)),
			r.row("it is safe after, p50", latency(confirmed, p50)), r.row("… p99", latency(confirmed, p99)),
			r.row("a handler has it after, p50", latency(endToEnd, p50)), r.row("… p99", latency(endToEnd, p99)), r.row("… max", latency(endToEnd, most)),
			r.row("messages/s", func(f *Figures) Cell {
				if f.Unsent+f.Refused > 0 {
					return Cell{screen.Grouped(int(f.Rate)), Bad}
				}
				return Cell{screen.Grouped(int(f.Rate)), Plain}
			}),
			r.row("… at full speed", func(f *Figures) Cell { return Cell{Text: screen.Grouped(int(f.FullRate))} }),
			r.row("processes that shared the work", func(f *Figures) Cell { return Cell{Text: fmt.Sprint(f.Sharing)} }),
			r.row("CPU a message, "+processes, func(f *Figures) Cell { return known(f.CPU() > 0, screen.Short(time.Duration(f.CPU()*1e9))) }),
			r.row("memory, "+processes, func(f *Figures) Cell { return known(f.Memory() > 0, fmt.Sprintf("%d MiB", f.Memory()>>20)) }),
		},
	})
	for _, fault := range w.Faults {
		all = append(all, r.faultSection(fault))
	}
	return all
}

func known(is bool, text string) Cell {
	if !is {
		return Cell{"–", Faint}
	}
	return Cell{Text: text}
}

func (r *Result) faultSection(fault Fault) Section {
	cell := func(of func(Harm) Cell) func(*Figures) Cell {
		return func(f *Figures) Cell {
			if h := f.Faults[fault]; h.Skipped == "" {
				return of(h)
			}
			return Cell{f.Faults[fault].Skipped, Faint}
		}
	}
	number := func(of func(Harm) uint64) func(*Figures) Cell {
		return cell(func(h Harm) Cell {
			if of(h) > 0 {
				return Cell{screen.Grouped(int(of(h))), Bad}
			}
			return Cell{"0", Good}
		})
	}
	return Section{
		Title: fmt.Sprintf("%s for %s", capital(fault.What()), screen.Short(r.Workload.Down)),
		Rows: []Row{
			r.row("lost after confirm", number(func(h Harm) uint64 { return h.Lost })),
			r.row("refused: the sender got an error", number(func(h Harm) uint64 { return h.Refused })),
			r.row("not sent in time: senders behind", number(func(h Harm) uint64 { return h.Unsent })),
			r.row("late by more than "+screen.Short(r.Workload.Late), cell(func(h Harm) Cell { return Cell{Text: screen.Grouped(int(h.Late))} })),
			r.row("handled twice", cell(func(h Harm) Cell { return Cell{Text: screen.Grouped(int(h.Repeated))} })),
			r.row("in time again, after its end", cell(func(h Harm) Cell {
				switch {
				case h.NeverBack:
					return Cell{"not in this run", Bad}
				case h.Back == 0:
					return Cell{"never out", Good}
				}
				return Cell{Text: screen.Short(h.Back)}
			})),
			r.row("the longest call", cell(func(h Harm) Cell { return Cell{Text: screen.Short(h.Longest)} })),
		},
	}
}

func (r *Result) row(label string, of func(*Figures) Cell) Row {
	row := Row{Label: label}
	for w := range r.Ways {
		row.Cells[w] = of(&r.Ways[w])
	}
	return row
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Columns of the table on a screen.
const (
	labelWidth = 37
	cellWidth  = 16
)

// Show tells people what was measured, and what follows.
func (r *Result) Show(s *screen.Screen, needs []Need) {
	s.Line("  %s", s.Bold.Sprint(screen.Padded("", labelWidth)+screen.Centred("DIRECT", 2*cellWidth)+strings.TrimRight(screen.Centred("INDIRECT", 2*cellWidth), " ")))
	heads := [][ways.Count]string{}
	heads = append(heads, [ways.Count]string{}, [ways.Count]string{})
	for w := range ways.Count {
		heads[0][w] = map[bool]string{true: "synchronous", false: "asynchronous"}[w.Waits()]
		heads[1][w] = w.Code()
	}
	for _, h := range heads {
		row := Row{}
		for w, text := range h {
			row.Cells[w].Text = text
		}
		showRow(s, row)
	}
	for _, section := range r.Table() {
		s.Line("\n  %s", s.Accent.Sprint(section.Title))
		for _, row := range section.Rows {
			showRow(s, row)
		}
	}
	r.showAdvice(s, needs)
	s.Line("\n  %s", s.Bold.Sprint("How this was measured"))
	for _, line := range r.How() {
		s.Note("%s", line)
	}
}

func showRow(s *screen.Screen, row Row) {
	text := "  " + screen.Padded(row.Label, labelWidth)
	for _, c := range row.Cells {
		cell := screen.Centred(c.Text, cellWidth)
		switch c.Tone {
		case Good:
			cell = s.Good.Sprint(cell)
		case Bad:
			cell = s.Bad.Sprint(cell)
		case Faint:
			cell = s.Faint.Sprint(cell)
		}
		text += cell
	}
	s.Line("%s", strings.TrimRight(text, " "))
}

func (r *Result) showAdvice(s *screen.Screen, needs []Need) {
	s.Heading("Advice", "each with the figures that it rests on")
	if v := r.Decide(needs); len(needs) > 0 {
		s.Line("")
		tell(s, s.Bold.Sprint, v.Text, v.Figures)
	}
	for _, a := range r.Advise(needs) {
		s.Line("")
		tell(s, fmt.Sprint, a.Text, a.Figures)
	}
	if len(needs) == 0 {
		s.Line("")
		s.Note("%s", r.Decide(nil).Text)
	}
}

func tell(s *screen.Screen, style func(...any) string, text string, figures []string) {
	for _, line := range screen.Wrapped(text, 98) {
		s.Line("  %s", style(line))
	}
	for _, f := range figures {
		for i, line := range screen.Wrapped(f, 94) {
			lead := "· "
			if i > 0 {
				lead = "  "
			}
			s.Note("  %s%s", lead, line)
		}
	}
}

// How tells how the figures came about.
func (r *Result) How() []string {
	w := &r.Workload
	kept := "persistent: a direct inbox is on disk, a mailbox too (fdatasync before each confirm)"
	if w.Transient {
		kept = "transient: a direct inbox is in memory, and messages to a mailbox may be forgotten"
	}
	where := "started for each run: postrider serve"
	if r.Broker.Address != "" {
		where = fmt.Sprintf("%s (%s %s)", r.Broker.Address, r.Broker.Product, r.Broker.Version)
	}
	return []string{
		fmt.Sprintf("Load: %s messages/s of %s, bodies of %s bytes, %s; %s, each message takes a handler %s.", screen.Grouped(int(w.Rate)), counted(w.Senders, "sender"),
			screen.Grouped(w.Body), kept, counted(w.Receivers, "receiver"), screen.Short(w.Handling)),
		"Each sender is a process, and so is each receiver of a mailbox; the peer is one process, with as many handlers at once.",
		"Every time counts from when a message was due, be those before it done or not. The broker: " + where + ".",
		fmt.Sprintf("Faults: each in a run of its own of %s, with kill -9 or all connections of the senders broken; a Send gives up after %s.", screen.Short(w.Each), screen.Short(w.Wait)),
		"Full speed: handlers that take no time. CPU and memory: of the undisturbed run, with what keeping time and books takes.",
		fmt.Sprintf("Machine: %s. All of it took %s.", r.Machine, screen.Short(r.Took)),
	}
}

package main

import (
	"bytes"
	"fmt"
	"time"
)

// A scaleTable is what is printed: ours first, and the others'.
type scaleTable struct{ Columns []scaleColumn }

type scaleColumn struct {
	Name    string
	Scale   scale
	Figures scaleFigures
}

// ownName heads the column of this project.
const ownName = "Postrider"

// own is nil when ours was not measured.
func (t *scaleTable) own() *scaleColumn {
	if len(t.Columns) > 0 && t.Columns[0].Name == ownName {
		return &t.Columns[0]
	}
	return nil
}

// A scaleLine shows one figure of each column, or nothing where it was not taken.
type scaleLine struct {
	title string
	show  func(*scaleColumn) string
}

func scaleLines() []scaleLine {
	lines := []scaleLine{
		{"start, until it answers", func(c *scaleColumn) string { return took(c.Figures.Start) }},
		{"resident, idle", func(c *scaleColumn) string { return mebibytes(c.Figures.Idle) }},
		{"of that its own, beside pages of its program", func(c *scaleColumn) string { return mebibytes(c.Figures.IdleOwn) }},
		{"CPU, idle", func(c *scaleColumn) string { return fmt.Sprintf("%.2f %%", 100*c.Figures.IdleCPU) }},
		{"an idle connection with a channel", func(c *scaleColumn) string { return of(kibibytes(c.Figures.Connection), c.Scale.Connections) }},
		{"a peer that is connected to a node", func(c *scaleColumn) string {
			if c.Figures.Peer == 0 {
				return ""
			}
			return of(kibibytes(c.Figures.Peer), c.Scale.Peers)
		}},
		{"a transient queue", func(c *scaleColumn) string { return of(kibibytes(c.Figures.Transient), c.Scale.Queues) }},
		{"a durable queue", func(c *scaleColumn) string { return of(kibibytes(c.Figures.Durable), c.Scale.Queues) }},
		{"a binding of one topic exchange", func(c *scaleColumn) string { return of(kibibytes(c.Figures.Binding), c.Scale.Bindings) }},
		{"messages/s, each matching one of few bindings", func(c *scaleColumn) string { return of(thousands(c.Figures.FewMatched), c.Scale.Bindings/100) }},
		{"messages/s, each matching one of many bindings", func(c *scaleColumn) string { return of(thousands(c.Figures.AllMatched), c.Scale.Bindings) }},
	}
	for _, b := range []struct {
		what string
		of   func(*scaleFigures) backlogFigures
	}{
		{"persistent", func(f *scaleFigures) backlogFigures { return longest(f.Persistent) }},
		{"transient", func(f *scaleFigures) backlogFigures { return longest(f.NotPersistent) }},
	} {
		lines = append(lines,
			scaleLine{"backlog of " + b.what + " messages: resident", func(c *scaleColumn) string {
				return of(fmt.Sprintf("%d MiB", b.of(&c.Figures).Resident>>20), c.Scale.Backlog)
			}},
			scaleLine{"backlog of " + b.what + " messages: filled, messages/s", func(c *scaleColumn) string { return thousands(b.of(&c.Figures).Fill) }},
			scaleLine{"backlog of " + b.what + " messages: drained, messages/s", func(c *scaleColumn) string { return thousands(b.of(&c.Figures).Drain) }},
		)
	}
	for _, b := range []struct {
		what string
		of   func(*recoveryFigures) time.Duration
	}{
		{"start after a kill -9", func(f *recoveryFigures) time.Duration { return f.Killed }},
		{"clean shutdown", func(f *recoveryFigures) time.Duration { return f.Close }},
		{"start after a clean shutdown", func(f *recoveryFigures) time.Duration { return f.Closed }},
	} {
		lines = append(lines, scaleLine{b.what + ", with persistent messages of 1 KiB", func(c *scaleColumn) string {
			if b.of(&c.Figures.Recovery) == 0 {
				return ""
			}
			return of(took(b.of(&c.Figures.Recovery)), c.Scale.Ready)
		}})
	}
	return lines
}

func (t *scaleTable) print(b *bytes.Buffer) {
	g := grid{{"at rest and at scale"}}
	for _, c := range t.Columns {
		g[0] = append(g[0], c.Name)
	}
	for i, l := range scaleLines() {
		cells := []string{l.title}
		for _, c := range t.Columns {
			if i >= restLines && c.Scale.Connections == 0 {
				cells = append(cells, "")
				continue
			}
			cells = append(cells, l.show(&c))
		}
		g = append(g, cells)
	}
	g.write(b)
}

// restLines are what is looked at of those, too, that are not AMQP brokers.
const restLines = 4

// of says of how many the figure is.
func of(figure string, n int) string { return fmt.Sprintf("%s (of %s)", figure, thousands(float64(n))) }

func took(d time.Duration) string {
	if d == 0 {
		return "was running"
	}
	return duration(d)
}

func mebibytes(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func kibibytes(bytes float64) string { return fmt.Sprintf("%.1f KiB", bytes/1024) }

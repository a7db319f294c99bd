package main

import (
	"bytes"
	"fmt"
	"time"
)

// A scaleTable is what is printed: ours, and the other broker's.
type scaleTable struct {
	Scale   scale
	Own     scaleFigures
	Foreign *scaleFigures `json:",omitempty"`
}

func (t *scaleTable) print(b *bytes.Buffer, foreign string) {
	type line struct {
		title string
		show  func(*scaleFigures) string
	}
	lines := []line{
		{"start, until it answers", func(f *scaleFigures) string {
			if f.Start == 0 {
				return "was running"
			}
			return duration(f.Start)
		}},
		{"resident, idle", func(f *scaleFigures) string { return fmt.Sprintf("%.1f MiB", float64(f.Idle)/(1<<20)) }},
		{fmt.Sprintf("CPU, idle for %v", t.Scale.Idle), func(f *scaleFigures) string { return fmt.Sprintf("%.2f %%", 100*f.IdleCPU) }},
		{each(t.Scale.Connections, "idle connection with a channel"), func(f *scaleFigures) string { return kibibytes(f.Connection) }},
		{each(t.Scale.Queues, "transient queue"), func(f *scaleFigures) string { return kibibytes(f.Transient) }},
		{each(t.Scale.Queues, "durable queue"), func(f *scaleFigures) string { return kibibytes(f.Durable) }},
		{each(t.Scale.Bindings, "binding of one topic exchange"), func(f *scaleFigures) string { return kibibytes(f.Binding) }},
		{thousands(float64(t.Scale.Bindings/100)) + " bindings, messages/s", func(f *scaleFigures) string { return thousands(f.FewMatched) }},
		{thousands(float64(t.Scale.Bindings)) + " bindings, messages/s", func(f *scaleFigures) string { return thousands(f.AllMatched) }},
	}
	for _, b := range []struct {
		what string
		of   func(*scaleFigures) *backlogFigures
	}{
		{"persistent", func(f *scaleFigures) *backlogFigures { return &f.PersistentBacklog }},
		{"transient", func(f *scaleFigures) *backlogFigures { return &f.TransientBacklog }},
	} {
		n := thousands(float64(t.Scale.Backlog)) + " " + b.what + " messages"
		lines = append(lines,
			line{n + " in one queue: resident", func(f *scaleFigures) string { return fmt.Sprintf("%d MiB", b.of(f).Resident>>20) }},
			line{n + ": filled, messages/s", func(f *scaleFigures) string { return thousands(b.of(f).Fill) }},
			line{n + ": drained, messages/s", func(f *scaleFigures) string { return thousands(b.of(f).Drain) }},
			line{fmt.Sprintf("drained when there are only %s of them", thousands(shortBacklog)), func(f *scaleFigures) string { return thousands(b.of(f).Short) }},
		)
	}
	ready := thousands(float64(t.Scale.Ready)) + " persistent messages of 1 KiB: "
	for _, b := range []struct {
		what string
		of   func(*recoveryFigures) time.Duration
	}{
		{"start after a kill -9", func(f *recoveryFigures) time.Duration { return f.Killed }},
		{"clean shutdown", func(f *recoveryFigures) time.Duration { return f.Close }},
		{"start after a clean shutdown", func(f *recoveryFigures) time.Duration { return f.Closed }},
	} {
		lines = append(lines, line{ready + b.what, func(f *scaleFigures) string {
			if b.of(&f.Recovery) == 0 {
				return "not measured"
			}
			return duration(b.of(&f.Recovery))
		}})
	}
	g := grid{{"at rest and at scale", "postrider"}}
	if t.Foreign != nil {
		g[0] = append(g[0], foreign)
	}
	for _, l := range lines {
		cells := []string{l.title, l.show(&t.Own)}
		if t.Foreign != nil {
			cells = append(cells, l.show(t.Foreign))
		}
		g = append(g, cells)
	}
	g.write(b)
}

func each(n int, what string) string {
	return fmt.Sprintf("one of %s: %s", thousands(float64(n)), what)
}

func kibibytes(bytes float64) string { return fmt.Sprintf("%.1f KiB", bytes/1024) }

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// lines are a summary for people, as long as it comes. A width, unless it is 0, leaves columns of queues out so that their names can be read.
func (s *summary) lines(sort string, width int) []string {
	memory := sizeText(s.Memory)
	if s.MemoryMark > 0 {
		memory += " of " + sizeText(s.MemoryMark)
	}
	all := []string{
		fmt.Sprintf("%s (%s)   %s   memory %s", s.Node, s.Version, s.Time.Format(time.TimeOnly), memory),
		fmt.Sprintf("connections %d, channels %d, consumers %d, queues %d", s.Connections, s.Channels, s.Consumers, s.QueueCount),
		fmt.Sprintf("ready %d, unacked %d, in %s/s, out %s/s, acked %s/s", s.Ready, s.Unacked, rateText(s.In), rateText(s.Out), rateText(s.Acked)),
	}
	if disk := s.diskLine(); disk != "" {
		all = append(all, disk)
	}
	if s.Blocked != "" {
		all = append(all, "PUBLISHERS WAIT: "+s.Blocked)
	}
	columns := topColumnsIn(width)
	var title strings.Builder
	for _, c := range columns {
		name := strings.ToUpper(c.order)
		if c.order == sort {
			name += "*"
		}
		fmt.Fprintf(&title, "%*s ", c.width, name+c.unit)
	}
	name := " NAME"
	if sort == "name" {
		name += "*"
	}
	all = append(all, "", title.String()+name)
	for _, q := range s.Queues {
		var line strings.Builder
		for _, c := range columns {
			fmt.Fprintf(&line, "%*s ", c.width, c.text(q))
		}
		name := printable(q.Name)
		if q.VHost != "/" {
			name = printable(q.VHost) + " " + name
		}
		all = append(all, line.String()+" "+name)
	}
	return all
}

// diskLine is what there is to say of the disk; "" of a broker in memory.
func (s *summary) diskLine() string {
	var parts []string
	if j := s.Journal; j != nil {
		parts = append(parts, fmt.Sprintf("journal %s in %s, %s syncs/s", sizeText(j.Bytes), count(j.Segments, "segment"), rateText(j.Syncs)))
	}
	if s.DiskFree != nil {
		parts = append(parts, "disk free "+sizeText(*s.DiskFree))
	}
	if s.Journal != nil && s.Journal.Slow {
		parts = append(parts, "the disk is slow")
	}
	return strings.Join(parts, ", ")
}

// topColumn is a column of queues.
type topColumn struct {
	order string // by which it is sorted
	unit  string
	width int
	text  func(q queueSum) string
}

var topColumns = []topColumn{
	{"ready", "", 9, func(q queueSum) string { return fmt.Sprint(q.Ready) }},
	{"unacked", "", 9, func(q queueSum) string { return fmt.Sprint(q.Unacked) }},
	{"in", "/s", 8, func(q queueSum) string { return rateText(q.In) }},
	{"out", "/s", 8, func(q queueSum) string { return rateText(q.Out) }},
	{"acked", "/s", 9, func(q queueSum) string { return rateText(q.Acked) }},
	{"consumers", "", 10, func(q queueSum) string { return fmt.Sprint(q.Consumers) }},
}

// leastName is how much of a queue's name is to be seen.
const leastName = 16

// topColumnsIn are those for which there is room; 0 is room for all.
func topColumnsIn(width int) []topColumn {
	columns := slices.Clone(topColumns)
	for _, dispensable := range []string{"acked", "unacked", "consumers", "out", "in"} {
		needs := leastName + 1
		for _, c := range columns {
			needs += c.width + 1
		}
		if width == 0 || needs <= width {
			break
		}
		columns = slices.DeleteFunc(columns, func(c topColumn) bool { return c.order == dispensable })
	}
	return columns
}

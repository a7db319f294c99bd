package tour

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// figures are what the scenes have measured, by way.
type figures struct {
	lines         [ways.Count]int
	connections   [ways.Count]int
	whileDown     [ways.Count]string
	inHand        [ways.Count]string
	cameLater     [ways.Count]string
	confirmedLost [ways.Count]string
	repeated      [ways.Count]string
	load          [ways.Count][2]measured
	loadTime      time.Duration
}

const (
	labelWidth = 37
	cellWidth  = 16
)

// table prints what the tour has found, by way.
func (t *tour) table() {
	s, f := t.screen, &t.figures
	s.Heading("The four ways compared", "everything below was counted or measured just now")
	s.Line("")
	s.Line("  %s", s.Bold.Sprint(screen.Padded("", labelWidth)+screen.Centred("DIRECT", 2*cellWidth)+strings.TrimRight(screen.Centred("INDIRECT", 2*cellWidth), " ")))
	t.row("", func(w ways.Way) string { return map[bool]string{true: "synchronous", false: "asynchronous"}[w.Waits()] })
	t.row("", ways.Way.Code)

	t.feature("Complexity", "low", "medium", "medium", "low")
	t.row("processes a message meets", func(w ways.Way) string { return map[bool]string{true: "2", false: "3"}[w.Direct()] })
	t.row("connections between them", func(w ways.Way) string { return fmt.Sprint(f.connections[w]) })
	t.row("lines of a program that sends", func(w ways.Way) string { return fmt.Sprint(f.lines[w]) })

	t.feature("Flexibility", "low", "high", "low", "high")
	t.row("sent while the receiver was down", func(w ways.Way) string { return f.whileDown[w] })
	t.row(fmt.Sprintf("receivers that shared, of %d", crowd), func(w ways.Way) string { return fmt.Sprint(f.load[w][1].sharing) })

	t.feature("Scalability", "medium", "high", "low", "high")
	t.loadRows("messages/s", func(m measured) string { return screen.Grouped(m.rate) })
	t.loadRows("the caller waits, p50", func(m measured) string { return screen.Short(m.p50) })
	t.loadRows("the caller waits, p99", func(m measured) string { return screen.Short(m.p99) })

	t.feature("Fault tolerance", "low", "high", "low", "medium")
	t.row("receiver killed: what it had in hand", func(w ways.Way) string { return f.inHand[w] })
	t.row("… sent meanwhile, delivered later", func(w ways.Way) string { return f.cameLater[w] })
	t.row("broker killed: confirmed and lost", func(w ways.Way) string { return orNone(f.confirmedLost[w]) })
	t.row("… delivered twice", func(w ways.Way) string { return orNone(f.repeated[w]) })
	t.how()
}

func orNone(s string) string {
	if s == "" {
		return "no broker"
	}
	return s
}

// feature begins the rows of a feature, with what is commonly said of it.
func (t *tour) feature(name, direct, indirect, synchronous, asynchronous string) {
	s := t.screen
	text := s.Accent.Sprint(screen.Padded(name, labelWidth))
	for w := range ways.Count {
		place, waits := indirect, asynchronous
		if w.Direct() {
			place = direct
		}
		if w.Waits() {
			waits = synchronous
		}
		text += s.Faint.Sprint(screen.Centred("("+place+", "+waits+")", cellWidth))
	}
	s.Line("")
	s.Line("  %s", strings.TrimRight(text, " "))
}

func (t *tour) row(label string, cell func(ways.Way) string) {
	text := "  " + screen.Padded(label, labelWidth)
	for w := range ways.Count {
		text += t.tone(cell(w))
	}
	t.screen.Line("%s", strings.TrimRight(text, " "))
}

// loadRows are a row for one sender, and one for a crowd.
func (t *tour) loadRows(label string, of func(measured) string) {
	for i, senders := range []string{"1 sender", fmt.Sprintf("%d senders", crowd)} {
		t.row(label+", "+senders, func(w ways.Way) string { return of(t.figures.load[w][i]) })
	}
}

// tone is a cell, in the colour of what it says.
func (t *tour) tone(cell string) string {
	text := screen.Centred(cell, cellWidth)
	s := t.screen
	for word, c := range map[string]*color.Color{
		"lost": s.Bad, "error": s.Fair, "held": s.Good, "stored": s.Good, "again": s.Good, "no broker": s.Faint,
	} {
		if strings.HasPrefix(cell, word) {
			return c.Sprint(text)
		}
	}
	return text
}

// how tells how the figures came about.
func (t *tour) how() {
	s, f := t.screen, &t.figures
	s.Line("")
	s.Line("  %s", s.Bold.Sprint("How this was measured"))
	for _, line := range []string{
		"(low, medium, high): what is commonly said, of direct or indirect and of synchronous or not.",
		"Connections: dialled in part 1, one by alice; by bob one to take from mailboxes, one to send to them.",
		"Lines: of the functions that alice ran in part 1, in cmd/postrider/internal/tour/snippets.go.",
		fmt.Sprintf("Down, in hand, later, lost, twice: counted one by one in parts 2, 3; a direct Send had %s.", screen.Short(sendWait)),
		fmt.Sprintf("Load: %s each, %d bytes, each sender and receiver a process, a sender's unconfirmed posts at most %s.",
			screen.Short(f.loadTime), loadBodyBytes, screen.Grouped(loadWindow)),
		"messages/s: confirmed, all senders together; direct in the inbox (in memory), indirect on disk (fdatasync).",
		"The caller waits until then in a Send; in a Post, until the call returns (the mean of 64 calls).",
		fmt.Sprintf("Machine: %d processors that all processes share, %s/%s, %s, loopback.",
			runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
	} {
		s.Note("%s", line)
	}
}

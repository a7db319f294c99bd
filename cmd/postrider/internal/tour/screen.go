package tour

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fatih/color"
)

// screen is where the tour is told: a terminal, or a file, which gets no control characters.
type screen struct {
	out    io.Writer
	live   bool // a line can be written over
	status bool // there is one that will be

	bold, faint, good, bad, fair, accent *color.Color
}

func newScreen(out io.Writer, colours, live bool) *screen {
	s := &screen{
		out:    out,
		live:   live,
		bold:   color.New(color.Bold),
		faint:  color.New(color.Faint),
		good:   color.New(color.FgGreen),
		bad:    color.New(color.FgRed, color.Bold),
		fair:   color.New(color.FgYellow),
		accent: color.New(color.FgCyan, color.Bold),
	}
	for _, c := range []*color.Color{s.bold, s.faint, s.good, s.bad, s.fair, s.accent} {
		if colours {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
	}
	return s
}

// line writes a line.
func (s *screen) line(format string, args ...any) {
	s.clear()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// heading begins a part.
func (s *screen) heading(title, text string) {
	s.line("\n%s  %s", s.accent.Sprint(title), s.faint.Sprint(text))
}

// item writes what was observed, under a label.
func (s *screen) item(label, format string, args ...any) {
	text := wrapped(fmt.Sprintf(format, args...), pageWidth-itemIndent)
	s.line("  %s%s", s.bold.Sprint(padded(label, itemIndent-2)), text[0])
	for _, more := range text[1:] {
		s.line("%s%s", padded("", itemIndent), more)
	}
}

func (s *screen) note(format string, args ...any) {
	for _, line := range wrapped(fmt.Sprintf(format, args...), pageWidth-2) {
		s.line("  %s", s.faint.Sprint(line))
	}
}

// check writes a check and whether it held.
func (s *screen) check(ok bool, text string) {
	if !ok {
		text = "does not hold: " + text
	}
	for i, line := range wrapped(text, pageWidth-itemIndent-2) {
		mark := " "
		switch {
		case i == 0 && ok:
			mark = s.good.Sprint("✓")
		case i == 0:
			mark = s.bad.Sprint("✗")
		}
		if !ok {
			line = s.bad.Sprint(line)
		}
		s.line("%s%s %s", padded("", itemIndent), mark, line)
	}
}

// Columns.
const (
	pageWidth  = 100
	itemIndent = 25
)

// wrapped breaks a text into lines at its spaces. There is at least one; a word that is too long sticks out.
func wrapped(text string, width int) []string {
	var lines []string
	for {
		if utf8.RuneCountInString(text) <= width {
			return append(lines, text)
		}
		at := strings.LastIndexByte(string([]rune(text)[:width+1]), ' ')
		if at <= 0 {
			if at = strings.IndexByte(text, ' '); at <= 0 {
				return append(lines, text)
			}
		}
		lines = append(lines, text[:at])
		text = strings.TrimLeft(text[at:], " ")
	}
}

// doing says what is going on, on a terminal, until there is something to tell.
func (s *screen) doing(format string, args ...any) {
	if !s.live {
		return
	}
	s.clear()
	fmt.Fprintf(s.out, "  %s", s.faint.Sprint(fmt.Sprintf(format, args...)+" …"))
	s.status = true
}

func (s *screen) clear() {
	if s.status {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.status = false
	}
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func centred(s string, width int) string {
	left := max(0, width-utf8.RuneCountInString(s)) / 2
	return padded(strings.Repeat(" ", left)+s, width)
}

// short is a time as people say it: two digits or three, and a unit.
func short(d time.Duration) string {
	switch {
	case d <= 0:
		return "0"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// grouped is a number with its thousands apart.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

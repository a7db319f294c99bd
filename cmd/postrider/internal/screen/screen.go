// Package screen shows what a verb has to tell: on a terminal with colours and a line that is written over, in a file without.
package screen

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fatih/color"
)

// A Screen is a terminal, or a file, which gets no control characters.
type Screen struct {
	out    io.Writer
	live   bool // a line can be written over
	status bool // there is one that will be

	Bold, Faint, Good, Bad, Fair, Accent *color.Color
}

// New is a screen on out. live says that a line of it can be written over.
func New(out io.Writer, colours, live bool) *Screen {
	s := &Screen{
		out:    out,
		live:   live,
		Bold:   color.New(color.Bold),
		Faint:  color.New(color.Faint),
		Good:   color.New(color.FgGreen),
		Bad:    color.New(color.FgRed, color.Bold),
		Fair:   color.New(color.FgYellow),
		Accent: color.New(color.FgCyan, color.Bold),
	}
	for _, c := range []*color.Color{s.Bold, s.Faint, s.Good, s.Bad, s.Fair, s.Accent} {
		if colours {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
	}
	return s
}

// Line writes a line.
func (s *Screen) Line(format string, args ...any) {
	s.Clear()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// Heading begins a part.
func (s *Screen) Heading(title, text string) {
	s.Line("\n%s  %s", s.Accent.Sprint(title), s.Faint.Sprint(text))
}

// Item writes what was observed, under a label.
func (s *Screen) Item(label, format string, args ...any) {
	text := Wrapped(fmt.Sprintf(format, args...), pageWidth-itemIndent)
	s.Line("  %s%s", s.Bold.Sprint(Padded(label, itemIndent-2)), text[0])
	for _, more := range text[1:] {
		s.Line("%s%s", Padded("", itemIndent), more)
	}
}

// Note writes what explains.
func (s *Screen) Note(format string, args ...any) {
	for _, line := range Wrapped(fmt.Sprintf(format, args...), pageWidth-2) {
		s.Line("  %s", s.Faint.Sprint(line))
	}
}

// Check writes a check and whether it held.
func (s *Screen) Check(ok bool, text string) {
	if !ok {
		text = "does not hold: " + text
	}
	for i, line := range Wrapped(text, pageWidth-itemIndent-2) {
		mark := " "
		switch {
		case i == 0 && ok:
			mark = s.Good.Sprint("✓")
		case i == 0:
			mark = s.Bad.Sprint("✗")
		}
		if !ok {
			line = s.Bad.Sprint(line)
		}
		s.Line("%s%s %s", Padded("", itemIndent), mark, line)
	}
}

// Columns.
const (
	pageWidth  = 100
	itemIndent = 25
)

// Wrapped breaks a text into lines at its spaces. There is at least one; a word that is too long sticks out.
func Wrapped(text string, width int) []string {
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

// Doing says what is going on, on a terminal, until there is something to tell.
func (s *Screen) Doing(format string, args ...any) {
	if !s.live {
		return
	}
	s.Clear()
	fmt.Fprintf(s.out, "  %s", s.Faint.Sprint(fmt.Sprintf(format, args...)+" …"))
	s.status = true
}

func (s *Screen) Clear() {
	if s.status {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.status = false
	}
}

func Padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func Centred(s string, width int) string {
	left := max(0, width-utf8.RuneCountInString(s)) / 2
	return Padded(strings.Repeat(" ", left)+s, width)
}

// Short is a time as people say it: two digits or three, and a unit.
func Short(d time.Duration) string {
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

// Grouped is a number with its thousands apart.
func Grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

package main

import (
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// isTerminal reports whether somebody sees what is written there at once.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// terminal is one that is drawn on as a whole and whose keys are read at once.
type terminal struct {
	in, out *os.File
	before  *term.State
	keys    chan byte
}

const (
	ctrlC = 3
	ctrlD = 4
)

// openTerminal is the terminal of a command; false when it has none.
func openTerminal(in io.Reader, out io.Writer) (*terminal, bool) {
	i, isFile := in.(*os.File)
	o, isFileToo := out.(*os.File)
	if !isFile || !isFileToo || !term.IsTerminal(int(i.Fd())) || !isTerminal(o) || os.Getenv("TERM") == "dumb" {
		return nil, false
	}
	return &terminal{in: i, out: o, keys: make(chan byte)}, true
}

// open takes the whole screen, and keys as they are pressed. What reads them ends with the process.
func (t *terminal) open() (err error) {
	if t.before, err = term.MakeRaw(int(t.in.Fd())); err != nil {
		return err
	}
	go func() {
		var b [1]byte
		for {
			if n, err := t.in.Read(b[:]); n == 0 || err != nil {
				return
			}
			t.keys <- b[0]
		}
	}()
	_, err = io.WriteString(t.out, "\x1b[?1049h\x1b[?25l\x1b[?7l") // characters may be wide: a line that is too long is cut off
	return err
}

// close gives back the screen as it was.
func (t *terminal) close() {
	_, _ = io.WriteString(t.out, "\x1b[?7h\x1b[?25h\x1b[?1049l")
	_ = term.Restore(int(t.in.Fd()), t.before)
}

// size is how many characters, and lines, there is room for.
func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// show draws lines in place of what was there, as many and as long as there is room for.
func (t *terminal) show(lines []string) {
	width, height := t.size()
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width])
		}
		b.WriteString(line + "\x1b[K")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(t.out, b.String())
}

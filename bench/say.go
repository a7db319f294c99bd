package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// A sayer tells on stderr how far the bench has come: on a terminal in one line that changes, elsewhere in a line for each row.
type sayer struct {
	terminal bool
	silent   bool
	began    time.Time
	done     int
	all      int // rows to be run, each as often as there are rounds
	shown    bool
}

func newSayer() *sayer {
	s := &sayer{began: time.Now()}
	if st, err := os.Stderr.Stat(); err == nil {
		s.terminal = st.Mode()&os.ModeCharDevice != 0
	}
	return s
}

// note tells something that stays to be read.
func (s *sayer) note(format string, args ...any) {
	s.clear()
	s.print(fmt.Sprintf(format, args...) + "\n")
}

// step tells what is run now.
func (s *sayer) step(format string, args ...any) {
	at := time.Since(s.began).Round(time.Second)
	line := fmt.Sprintf("%6v  %s", at, fmt.Sprintf(format, args...))
	if !s.terminal {
		s.print(line + "\n")
		return
	}
	s.clear()
	s.print(line)
	s.shown = true
}

// row tells which row is run now.
func (s *sayer) row(name string, round, rounds int) {
	s.done++
	s.step("%d of %d, round %d of %d: %s", s.done, s.all, round, rounds, name)
}

// clear makes room for another line.
func (s *sayer) clear() {
	if s.shown {
		s.print("\r" + strings.Repeat(" ", 78) + "\r")
		s.shown = false
	}
}

func (s *sayer) print(text string) {
	if !s.silent {
		fmt.Fprint(os.Stderr, text)
	}
}

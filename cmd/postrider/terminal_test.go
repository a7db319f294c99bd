package main

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Who sends messages gives no orders to the terminals of those who look at them.
func TestMessagesGiveNoOrdersToATerminal(t *testing.T) {
	const body, tame = "one\x1b]0;x\a\n\ttwo\u009b2J\r", "one�]0;x�\n\ttwo�2J�"
	var out bytes.Buffer
	if err := printLine(&out, []byte(body)); err != nil || out.String() != body+"\n" {
		t.Errorf("a file or a pipe gets %q, %v", out.String(), err)
	}
	if tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err == nil {
		defer tty.Close()
		if got := shownOn(tty, []byte(body)); isTerminal(tty) && string(got) != tame {
			t.Errorf("a terminal gets %q", got)
		}
	}
	out.Reset()
	d := &desk{out: &out}
	d.say("%s  %d  %s\nreason         %s\n", "@1\nfrom bob\x1b[2J", 7, &death{Queue: "q\x1b"}, paragraph("a panic:\n\tat\x1b"))
	if want := "@1�from bob�[2J  7  died, in q�\nreason         a panic:\n               \tat�\n"; out.String() != want {
		t.Errorf("%q is said, want %q", out.String(), want)
	}
}

// A name that only looks like another, or that turns the rest of its line around, is seen to be one.
func TestWhatIsNotSeenInANameIsShown(t *testing.T) {
	t.Parallel()
	for _, hidden := range []string{"\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2028", "\u061c", "\u034f", "\u3164"} {
		name := "jobs" + hidden + "x"
		if got := printable(name); got != "jobs�x" {
			t.Errorf("%+q is printed as %q", name, got)
		}
		want := strings.Trim(strconv.QuoteToASCII(name), `"`)
		if got := oneLine(errors.New("there is no queue " + name)); got != "there is no queue "+want {
			t.Errorf("%+q in an error is %q", name, got)
		}
		s := summary{Queues: []queueSum{{VHost: name, Name: name}}}
		if lines := s.lines("ready", 0); !strings.HasSuffix(lines[len(lines)-1], "  jobs�x jobs�x") {
			t.Errorf("%+q in top is %q", name, lines[len(lines)-1])
		}
	}
	const seen = "Aufträge-注文-заказы-أوامر-🚚"
	if got := printable(seen); got != seen || oneLine(errors.New(seen)) != seen {
		t.Errorf("%q became %q", seen, got)
	}
}

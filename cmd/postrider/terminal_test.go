package main

import (
	"bytes"
	"os"
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

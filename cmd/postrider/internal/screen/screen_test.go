package screen_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
)

func TestWrappedBreaksAtSpaces(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"short", 5, []string{"short"}},
		{"ab cd ef", 5, []string{"ab cd", "ef"}},
		{"µµ µµ µµ", 5, []string{"µµ µµ", "µµ"}},
		{"a wordthatistoolong b", 5, []string{"a", "wordthatistoolong", "b"}},
		{"wordthatistoolong", 5, []string{"wordthatistoolong"}},
	} {
		if got := screen.Wrapped(test.text, test.width); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := screen.Grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0", 120: "120 ns", 4500: "4.5 µs", 61 * time.Microsecond: "61 µs", 1500 * time.Microsecond: "1.5 ms",
		300 * time.Millisecond: "300 ms", 2200 * time.Millisecond: "2.2 s",
	} {
		if got := screen.Short(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestOnlyATerminalGetsControlCharacters(t *testing.T) {
	var file, terminal strings.Builder
	for out, live := range map[*strings.Builder]bool{&file: false, &terminal: true} {
		s := screen.New(out, live, live)
		s.Heading("1", "first")
		s.Doing("something")
		s.Check(true, "done")
	}
	if strings.ContainsAny(file.String(), "\x1b\r") || strings.Contains(file.String(), "something") {
		t.Errorf("a file gets %q", file.String())
	}
	if !strings.Contains(terminal.String(), "\x1b[") || !strings.Contains(terminal.String(), "\r\x1b[K") {
		t.Errorf("a terminal gets %q", terminal.String())
	}
}

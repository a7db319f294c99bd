package tour

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheBooksOfAStream(t *testing.T) {
	for _, test := range []struct {
		what            string
		numbers         []int
		confirmed, sent int
		want            books
	}{
		{"all came", []int{0, 1, 2, 3}, 2, 4, books{inOrder: true}},
		{"a replay repeats some", []int{0, 1, 2, 1, 2, 3}, 2, 4, books{twice: 2, inOrder: true}},
		{"an unconfirmed one is missing", []int{0, 1, 2}, 3, 4, books{lostOfAll: 1, inOrder: true}},
		{"a confirmed one is missing", []int{0, 2, 3}, 2, 4, books{lost: 1, lostOfAll: 1}},
		{"two changed places", []int{0, 2, 1, 3}, 2, 4, books{}},
		{"one came that was not sent", []int{0, 1, 7}, 2, 2, books{}},
		{"nothing came", nil, 1, 2, books{lost: 1, lostOfAll: 2, inOrder: true}},
	} {
		if got := balance(test.numbers, test.confirmed, test.sent); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.what, got, test.want)
		}
	}
}

func TestTheProgramsAreInTheSource(t *testing.T) {
	for w := range ways {
		if n := codeLines(programs[w].name); n < 5 || n > 20 {
			t.Errorf("%s has %d lines", programs[w].name, n)
		}
	}
}

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
		if got := wrapped(test.text, test.width); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0", 120: "120 ns", 4500: "4.5 µs", 61 * time.Microsecond: "61 µs", 1500 * time.Microsecond: "1.5 ms",
		300 * time.Millisecond: "300 ms", 2200 * time.Millisecond: "2.2 s",
	} {
		if got := short(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestAFailedCheckIsNamedAndFailsTheTour(t *testing.T) {
	var out strings.Builder
	tour := &tour{screen: newScreen(&out, false, false), began: time.Now()}
	tour.check(true, "%d is %d", 1, 1)
	tour.check(false, "%d is %d", 1, 2)
	err := tour.verdict(nil)
	if err == nil || err.Error() != "1 of 2 checks did not hold: 1 is 2" {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "✗ does not hold: 1 is 2") {
		t.Errorf("shown:\n%s", &out)
	}
}

func TestOnlyATerminalGetsControlCharacters(t *testing.T) {
	var file, terminal strings.Builder
	for out, live := range map[*strings.Builder]bool{&file: false, &terminal: true} {
		s := newScreen(out, live, live)
		s.heading("1", "first")
		s.doing("something")
		s.check(true, "done")
	}
	if strings.ContainsAny(file.String(), "\x1b\r") || strings.Contains(file.String(), "something") {
		t.Errorf("a file gets %q", file.String())
	}
	if !strings.Contains(terminal.String(), "\x1b[") || !strings.Contains(terminal.String(), "\r\x1b[K") {
		t.Errorf("a terminal gets %q", terminal.String())
	}
}

func TestThinnedKeepsTheShape(t *testing.T) {
	took := make([]time.Duration, 10*maxSamples)
	for i := range took {
		took[i] = time.Duration(i) * time.Microsecond
	}
	us := thinned(took)
	if len(us) > maxSamples || !slices.IsSorted(us) || us[0] != 0 || us[len(us)-1] < 9.9*maxSamples {
		t.Errorf("%d samples from %v to %v", len(us), us[0], us[len(us)-1])
	}
}

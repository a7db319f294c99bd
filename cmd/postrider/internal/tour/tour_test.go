package tour

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
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
	for w := range ways.Count {
		if n := codeLines(programs[w].name); n < 5 || n > 20 {
			t.Errorf("%s has %d lines", programs[w].name, n)
		}
	}
}

func TestAFailedCheckIsNamedAndFailsTheTour(t *testing.T) {
	var out strings.Builder
	tour := &tour{screen: screen.New(&out, false, false), began: time.Now()}
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

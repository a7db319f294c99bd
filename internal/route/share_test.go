package route

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// hashing is an exchange with queues of the weights given, named by their place.
func hashing(t *testing.T, args amqp.Table, weights ...int) *Table[string] {
	t.Helper()
	table, err := New[string]("/").Declare(Exchange{Name: "x", Kind: ConsistentHash, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	for i, weight := range weights {
		q := fmt.Sprint("q", i)
		table = mustBind(t, table.AddQueue(q, q), toQueue("x", q, fmt.Sprint(weight)))
	}
	return table
}

// falls returns where each of n keys falls.
func falls(t *testing.T, table *Table[string], n int) []string {
	t.Helper()
	to := make([]string, n)
	for i := range n {
		got, err := table.Route("x", &Letter{Key: fmt.Sprint("key", i)}, nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("key %d: %v %v", i, got, err)
		}
		to[i] = got[0]
	}
	return to
}

func count(to []string) map[string]int {
	n := map[string]int{}
	for _, q := range to {
		n[q]++
	}
	return n
}

// Each queue gets the part that its weight is of all weights, within what chance allows: five standard deviations.
func TestSharesAreAsTheirWeights(t *testing.T) {
	const n = 40_000
	weights := []int{1, 1, 2, 10, 1, 5}
	got := count(falls(t, hashing(t, nil, weights...), n))
	for i, weight := range weights {
		part := float64(weight) / 20
		if dev := math.Sqrt(n * part * (1 - part)); math.Abs(float64(got[fmt.Sprint("q", i)])-n*part) > 5*dev {
			t.Errorf("queue %d of weight %d: %d of %d", i, weight, got[fmt.Sprint("q", i)], n)
		}
	}
}

// A queue that comes takes its part from the others, and nothing moves between these; one that goes gives it back.
func TestOnlyWhatMustMoveMoves(t *testing.T) {
	const n = 20_000
	table := hashing(t, nil, 1, 3, 1, 2)
	before := falls(t, table, n)
	more := mustBind(t, table.AddQueue("new", "new"), toQueue("x", "new", "3"))
	moved := 0
	for i, q := range falls(t, more, n) {
		if q == before[i] {
			continue
		}
		if moved++; q != "new" {
			t.Fatalf("key %d moved from %s to %s", i, before[i], q)
		}
	}
	if part := float64(moved) / n; math.Abs(part-0.3) > 0.02 {
		t.Errorf("%.3f moved, want 0.3", part)
	}
	less, _, err := more.Unbind(toQueue("x", "new", "3"))
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range falls(t, less, n) {
		if q != before[i] {
			t.Fatalf("after the unbinding key %d falls to %s, before to %s", i, q, before[i])
		}
	}
	gone, _ := less.RemoveQueue("q1")
	for i, q := range falls(t, gone, n) {
		if before[i] != q && before[i] != "q1" {
			t.Fatalf("q1 went and key %d moved from %s to %s", i, before[i], q)
		}
	}
}

// Header or property decide where the exchange says so, whatever the key is.
func TestWhatIsHashed(t *testing.T) {
	letter := func(i, salt int) *Letter {
		p := amqp.Properties{MessageID: fmt.Sprint("m", i), Headers: amqp.Table{"h": int32(i), "s": fmt.Sprint(salt)}}
		props, err := p.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &Letter{Key: fmt.Sprint("k", salt), Props: props}
	}
	for _, args := range []amqp.Table{{"hash-header": "h"}, {"hash-property": "message_id"}} {
		table := hashing(t, args, 1, 1, 1, 1)
		seen := map[string]bool{}
		for i := range 200 {
			first, err := table.Route("x", letter(i, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := table.Route("x", letter(i, 2), nil)
			if len(first) != 1 || len(again) != 1 || first[0] != again[0] {
				t.Fatalf("%v: message %d to %v and %v", args, i, first, again)
			}
			seen[first[0]] = true
		}
		if len(seen) != 4 {
			t.Errorf("%v: only %v got messages", args, seen)
		}
		l := Letter{Key: "k"}
		if got, _ := table.Route("x", &l, nil); len(got) != 1 || !l.Opened {
			t.Errorf("%v: without what is hashed: %v, %+v", args, got, l)
		}
	}
}

// Whatever number stands in the key, there is one winner.
func TestHugeWeights(t *testing.T) {
	table := hashing(t, nil, 1)
	table = mustBind(t, table.AddQueue("huge", "huge"), toQueue("x", "huge", "1"+strings.Repeat("0", 200)))
	table = mustBind(t, table.AddQueue("vast", "vast"), toQueue("x", "vast", strings.Repeat("9", 255)))
	got := count(falls(t, table, 100))
	if got["huge"]+got["vast"] != 100 || got["huge"] == 0 || got["vast"] == 0 {
		t.Errorf("%v", got)
	}
}

func BenchmarkShares(b *testing.B) {
	table, _ := New[string]("/").Declare(Exchange{Name: "x", Kind: ConsistentHash})
	for i := range 20 {
		q := fmt.Sprint("q", i)
		table = mustBind(b, table.AddQueue(q, q), toQueue("x", q, "1"))
	}
	dst := make([]string, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = table.Route("x", &Letter{Key: "some.key"}, dst[:0])
	}
}

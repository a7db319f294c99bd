package postrider

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/pack"
)

func TestCountsAreWrittenToTheBase36(t *testing.T) {
	for _, n := range []uint64{0, 1, 35, 36, 1295, 1296, 1 << 40, math.MaxUint64} {
		if got, want := string(pack.AppendCount(nil, n)), strconv.FormatUint(n, 36); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestTheIDsOfAPackAreWrittenOut(t *testing.T) {
	counts := []uint64{1, 2, 3, 9, 10, 10, 12, pack.MaxCount, 1}
	for n := range uint64(3000) {
		counts = append(counts, 36*36-100+n)
	}
	p := new(press)
	for _, prefix := range []string{"0123456789abcdef", "", strings.Repeat("long", 30)} {
		ids := spelling{prefix: prefix}
		for i, n := range counts {
			name, _, _, _ := pack.Next(pack.AppendCounted(nil, n, nil))
			want := prefix + strconv.FormatUint(n, 36)
			if got := p.named(name, prefix); got != want {
				t.Fatalf("%d behind %q is %s, want %s", n, prefix, got, want)
			}
			if got, _ := ids.next(name, max(1, 100-i%100)); got != want {
				t.Fatalf("among others %d behind %q is %s, want %s", n, prefix, got, want)
			}
			if i%7 == 0 {
				name := pack.Name("\x05own 7")
				if got := p.named(name, prefix); got != "own 7" {
					t.Fatalf("an id of its own is %q", got)
				}
				if got, _ := ids.next(name, 1); got != "own 7" {
					t.Fatalf("among others an id of its own is %q", got)
				}
			}
		}
	}
}

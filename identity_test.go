package postrider

import (
	"math"
	"strconv"
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

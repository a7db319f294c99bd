package broker

import (
	"math"
	"testing"
)

func TestFilesForClients(t *testing.T) {
	for all, want := range map[uint64]uint64{
		0: 0, 20: 10, 64: 32, 100: 68, 256: 224, 1024: 896, 20_000: 19_744, math.MaxUint64: math.MaxUint64 - 256,
	} {
		if got := clientFiles(all); got != want {
			t.Errorf("of %d files clients may have %d, want %d", all, got, want)
		}
	}
}

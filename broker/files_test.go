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

func TestTheJournalLeavesFilesToOthers(t *testing.T) {
	for _, test := range []struct {
		all, open, clients uint64
		left               bool
	}{
		{100, 20, 0, true},
		{100, 59, 0, true},
		{100, 60, 0, false}, // it has all but what a few consumers need
		{100, 68, 50, true}, // clients have all that they may
		{100, 91, 50, true},
		{100, 92, 50, false}, // and the last ones are for who asks what goes on
		{20_000, 19_600, 0, true},
		{20_000, 19_700, 0, false},
		{100, math.MaxUint64, 50, false},
		{math.MaxUint64, 1 << 20, 0, true},
	} {
		if got := filesLeft(test.all, test.open, test.clients, true); got != test.left {
			t.Errorf("%+v: %v", test, got)
		}
		if must := test.open < 92 || test.all > 100; filesLeft(test.all, test.open, test.clients, false) != must {
			t.Errorf("%+v: what has to be written is written: %v", test, !must)
		}
	}
}

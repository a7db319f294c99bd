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
		early, must        bool
	}{
		{100, 20, 0, true, true},
		{100, 59, 0, true, true},
		{100, 60, 0, false, true}, // it has all but what a few consumers need
		{100, 83, 0, false, true},
		{100, 84, 0, false, false}, // and would take their places
		{100, 84, 2, false, true},  // two of them have come
		{100, 68, 50, true, true},  // clients have all that they may
		{100, 91, 50, true, true},
		{100, 92, 50, false, false}, // and the last ones are for who asks what goes on
		{20_000, 19_600, 0, true, true},
		{20_000, 19_700, 0, false, true},
		{20_000, 19_928, 0, false, false},
		{100, math.MaxUint64, 50, false, false},
		{math.MaxUint64, 1 << 20, 0, true, true},
	} {
		if got := filesLeft(test.all, test.open, test.clients, true); got != test.early {
			t.Errorf("%+v: ahead of time %v", test, got)
		}
		if got := filesLeft(test.all, test.open, test.clients, false); got != test.must {
			t.Errorf("%+v: what has to be written is written: %v", test, got)
		}
	}
}

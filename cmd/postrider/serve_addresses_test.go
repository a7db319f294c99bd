package main

import "testing"

func TestALimitOfAddressesIsNoLimitOfMemory(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		limit  uint64
		memory int64
		few    bool
	}{{0, 8 * gib, false}, {2 * gib, 8 * gib, true}, {2 * gib, 0, true}, {8 * gib, 8 * gib, true}, {16 * gib, 8 * gib, false}} {
		if got := fewAddresses(test.limit, test.memory); got != test.few {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

package sim

import "testing"

// TestASeedIsOneRun replays seeds: what happens must be the same, to the byte.
func TestASeedIsOneRun(t *testing.T) {
	for seed := range uint64(40) {
		p := NewProgram(1_000_000 + seed)
		first, second := Execute(p, nil), Execute(p, nil)
		if first != second {
			t.Fatalf("seed %d went two ways: %+v and %+v", p.Seed, first, second)
		}
	}
}

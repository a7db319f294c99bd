package sim

import (
	"runtime"
	"testing"
)

// TestRunsLeaveNothingBehind lets hours of seeds be tried: no goroutine stays, parked for ever.
func TestRunsLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range uint64(30) {
		Execute(NewProgram(2_000_000+seed), nil)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines are left, and were %d", after, before)
	}
}

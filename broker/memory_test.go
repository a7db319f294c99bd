package broker

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestMemoryMark(t *testing.T) {
	if n := memoryMark(5); n != 5 {
		t.Errorf("5 bytes became %d", n)
	}
	if n := memoryMark(-1); n != 0 {
		t.Errorf("none became %d", n)
	}
	before := debug.SetMemoryLimit(1000)
	defer debug.SetMemoryLimit(before)
	if n := memoryMark(0); n != 800 {
		t.Errorf("with a limit of 1000 bytes the mark is %d", n)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if n := memoryMark(0); runtime.GOOS == "linux" && (n < 1<<20 || n > 1<<50) {
		t.Errorf("by itself it is %d", n)
	}
}

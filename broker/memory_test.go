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

func TestMessageMemory(t *testing.T) {
	if n := messageMemory(5); n != 5 {
		t.Errorf("5 bytes became %d", n)
	}
	for memory, want := range map[int64]int64{
		64 << 20:      8 << 20,
		160 << 20:     20 << 20,
		512 << 20:     64 << 20,
		2 << 30:       128 << 20,
		4 << 30:       256 << 20,
		1 << 40:       320 << 20,
		math.MaxInt64: 128 << 20, // nobody knows
	} {
		if n := shareOf(memory); n != want {
			t.Errorf("of %d bytes %d are for messages, want %d", memory, n, want)
		}
	}
	before := debug.SetMemoryLimit(2 << 30)
	defer debug.SetMemoryLimit(before)
	if n := messageMemory(0); n > 128<<20 {
		t.Errorf("with a limit of 2 GiB it is %d", n)
	}
}

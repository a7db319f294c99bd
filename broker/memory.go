package broker

import (
	"math"
	"runtime/debug"
)

// memoryMark is the mark that a setting means, in bytes; 0 = none.
func memoryMark(set int64) int64 {
	switch {
	case set > 0:
		return set
	case set < 0:
		return 0
	}
	mark := availableMemory() / 5 * 2
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 && (mark == 0 || limit/5*4 < mark) {
		mark = limit / 5 * 4
	}
	return mark
}

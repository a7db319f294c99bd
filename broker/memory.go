package broker

import (
	"cmp"
	"math"
	"runtime/debug"

	"github.com/postrider-mq/postrider/internal/machine"
)

// How many bytes of messages stay in memory where nothing is set: a sixteenth of what there is, within bounds. The lower one is an
// eighth where there is so little that a third of what publishers may fill would be more: messages have to go to the disk before publishers
// have to wait. The upper one has a million messages of 100 bytes stay in memory, and ten million of them in one queue stay below a GiB of
// the process's memory.
const (
	leastMessageMemory = 64 << 20
	usualMessageMemory = 128 << 20 // where the system does not tell how much there is
	mostMessageMemory  = 320 << 20
)

// messageMemory is the bound that a setting means, in bytes.
func messageMemory(set int64) int64 {
	if set > 0 {
		return set
	}
	return shareOf(min(cmp.Or(machine.Memory(), math.MaxInt64), debug.SetMemoryLimit(-1)))
}

// shareOf is the part for messages of so much memory; MaxInt64 where nobody knows.
func shareOf(memory int64) int64 {
	if memory == math.MaxInt64 {
		return usualMessageMemory
	}
	return min(max(memory/16, min(memory/8, leastMessageMemory)), mostMessageMemory)
}

// memoryMark is the mark that a setting means, in bytes; 0 = none.
func memoryMark(set int64) int64 {
	switch {
	case set > 0:
		return set
	case set < 0:
		return 0
	}
	mark := machine.Memory() / 5 * 2
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 && (mark == 0 || limit/5*4 < mark) {
		mark = limit / 5 * 4
	}
	return mark
}

package machine

import "syscall"

// clockUnsynchronized is what adjtimex(2) returns when nothing keeps the clock right.
const clockUnsynchronized = 5

// ClockKept reports whether something keeps the system's clock right, NTP say; known is false when the system does not tell.
func ClockKept() (kept, known bool) {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	return state != clockUnsynchronized, err == nil
}

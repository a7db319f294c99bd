//go:build !linux

package measure

import "time"

// Elsewhere the wall clock must do; what is measured while it is set is wrong.
func machineClock() int64 { return time.Now().UnixNano() }

func preciseSleep() {}

// SleepUntil blocks a thread: Go's own timers wake an idle process a millisecond late.
func SleepUntil(t int64) { time.Sleep(time.Duration(t - Now())) }

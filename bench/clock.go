package main

import "time"

// now is the machine's monotonic clock in nanoseconds: the same in every process, so that a
// message can be timed from one to another. It is read as an offset to Go's own, which is cheap.
func now() int64 { return clockOffset + int64(time.Since(clockStart)) }

var clockStart, clockOffset = time.Now(), machineClock()

package measure

import "time"

// Now is the machine's monotonic clock in nanoseconds: the same in every process, so that a message can be timed
// from one to another. It is read as an offset to Go's own, which is cheap.
func Now() int64 { return clockOffset + int64(time.Since(clockStart)) }

var clockStart, clockOffset = time.Now(), machineClock()

//go:build !linux

package machine

// ClockKept reports whether something keeps the system's clock right; known is false when the system does not tell.
func ClockKept() (kept, known bool) { return false, false }

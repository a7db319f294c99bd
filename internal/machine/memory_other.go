//go:build !linux

package machine

// Memory is what the machine has, in bytes; 0 when the system does not tell.
func Memory() int64 { return 0 }

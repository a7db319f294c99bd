//go:build !linux

package machine

// Addresses is how large the address space of this process may be, in bytes; 0 when the system does not tell.
func Addresses() uint64 { return 0 }

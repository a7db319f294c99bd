package machine

import "syscall"

// Addresses is how large the address space of this process may be, in bytes, as ulimit -v says; 0 is as large as it likes.
func Addresses() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil || limit.Cur == ^uint64(0) {
		return 0
	}
	return limit.Cur
}

//go:build unix

package machine

import "syscall"

// OpenFiles is how many files and sockets this process may have open; 0 when the system does not tell.
func OpenFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}

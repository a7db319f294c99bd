//go:build unix

package machine

import (
	"math"
	"os"
	"syscall"
)

// OpenFiles is how many files and sockets this process may have open; 0 when the system does not tell.
func OpenFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}

// NextFile is the number that the next file or socket which this process opens gets: as many are open, or a few more. It is the highest there is when
// none can be opened.
func NextFile() uint64 {
	n, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return math.MaxUint64
	}
	_ = syscall.Close(n)
	return uint64(n)
}

package disk

import (
	"errors"
	"os"
	"syscall"
)

// syncData is fdatasync: the contents and whatever metadata is needed to read them back, which is none when the file was
// written in full before.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

func preallocate(f *os.File, size int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == syscall.EINTR:
			continue
		case errors.Is(err, errors.ErrUnsupported):
			return nil
		default:
			return os.NewSyscallError("fallocate", err)
		}
	}
}

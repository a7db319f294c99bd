package disk

import (
	"errors"
	"os"
	"strconv"
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

func preallocate(f *os.File, size int64) (reserved bool, err error) {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == syscall.EINTR:
			continue
		case errors.Is(err, errors.ErrUnsupported):
			return false, nil
		default:
			return err == nil, os.NewSyscallError("fallocate", err)
		}
	}
}

// openDirect opens a file once more, to write to it past the page cache; nil where that is not possible. It finds the file
// whatever its name has become.
func openDirect(f *os.File) *os.File {
	direct, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), os.O_WRONLY|syscall.O_DIRECT, 0)
	if err != nil {
		return nil
	}
	return direct
}

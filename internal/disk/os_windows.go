package disk

import (
	"errors"
	"math"
	"os"
	"syscall"
)

const (
	errorDiskFull         = syscall.Errno(112)
	errorWriteProtect     = syscall.Errno(19)
	errorSharingViolation = syscall.Errno(32)
)

func isNoSpace(err error) bool  { return errors.Is(err, errorDiskFull) }
func isReadOnly(err error) bool { return errors.Is(err, errorWriteProtect) }

// syncDir does nothing: NTFS keeps its directories in a log of its own, and offers no sync for one.
func syncDir(string) error { return nil }

func free(string) (int64, error) { return math.MaxInt64, nil }

// lockFile opens the file for writing and lets nobody else open it but for reading, until it is closed or the process ends.
func lockFile(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, errHeld
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

package disk

import (
	"errors"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

const (
	errorDiskFull         = syscall.Errno(112)
	errorWriteProtect     = syscall.Errno(19)
	errorSharingViolation = syscall.Errno(32)
	errorInvalidFunction  = syscall.Errno(1)
)

func isNoSpace(err error) bool  { return errors.Is(err, errorDiskFull) }
func isReadOnly(err error) bool { return errors.Is(err, errorWriteProtect) }

// syncDir flushes a handle of the directory. A file system that refuses that keeps its directories in a log of its own, as NTFS does.
func syncDir(dir string) error {
	name, err := syscall.UTF16PtrFromString(dir)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, shareAll, nil,
		syscall.OPEN_EXISTING, syscall.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return refusedOr("open", dir, err)
	}
	err = syscall.FlushFileBuffers(h)
	return errors.Join(refusedOr("flush", dir, err), syscall.CloseHandle(h))
}

const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// refusedOr is nil where the file system offers no sync of a directory.
func refusedOr(op, dir string, err error) error {
	if err == nil || errors.Is(err, syscall.ERROR_ACCESS_DENIED) || errors.Is(err, errorInvalidFunction) {
		return nil
	}
	return &os.PathError{Op: op, Path: dir, Err: err}
}

func free(dir string) (int64, error) {
	name, err := syscall.UTF16PtrFromString(dir)
	if err != nil {
		return 0, &os.PathError{Op: "free space", Path: dir, Err: err}
	}
	var n uint64 // what this user may still take
	if err := windows.GetDiskFreeSpaceEx(name, &n, nil, nil); err != nil {
		return 0, &os.PathError{Op: "free space", Path: dir, Err: err}
	}
	return int64(min(n, math.MaxInt64)), nil
}

// openFile opens a file for reading and writing that may be renamed and removed meanwhile, as elsewhere: os.OpenFile does not allow that
// here.
func openFile(path string, flag int) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	how := uint32(syscall.OPEN_EXISTING)
	if flag&os.O_CREATE != 0 {
		how = syscall.CREATE_ALWAYS
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, shareAll, nil, how, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

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

// isLocked says whether somebody holds the lock that lockFile takes.
func isLocked(path string) (bool, error) {
	if _, err := os.Stat(path); err != nil {
		return false, err
	}
	f, err := lockFile(path)
	if errors.Is(err, errHeld) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, f.Close()
}

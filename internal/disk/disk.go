package disk

import (
	"errors"
	"fmt"
	"io"
)

// FS is one directory. Names are slash-separated and relative to it; a directory inside it is made when a file is created in it.
// All methods may be called from any goroutine.
type FS interface {
	// Create makes an empty file for reading and writing, in place of any file of that name.
	Create(name string) (File, error)
	// Open opens a file for reading and writing. A file that does not exist is fs.ErrNotExist.
	Open(name string) (File, error)
	// Remove removes a file. The removal is safe after SyncDir.
	Remove(name string) error
	// Rename moves a file to a new name, in place of any file of that name. After a crash before SyncDir it happened as a whole or not at all.
	Rename(from, to string) error
	// List returns the names of the files in dir ("." for the FS's own), sorted. A directory that does not exist has none.
	List(dir string) ([]string, error)
	// SyncDir makes what happened to the names in dir ("." for the FS's own) safe from a crash.
	SyncDir(dir string) error
	// Lock keeps every other user out until the returned Closer is closed or the process dies. When somebody else
	// holds the lock, the error is a *LockedError.
	Lock(name string) (io.Closer, error)
	// Free returns how many bytes may still be written.
	Free() (int64, error)
	// String names the directory, for messages to people.
	String() string
}

// File is an open file. Reads and writes at different offsets may run at the same time.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes the contents and the length safe from a crash. After an error the fate of everything written since
	// the last successful Sync is unknown, for ever: a later Sync that succeeds proves nothing about it.
	Sync() error
	// WriteBlocks is WriteAt for what is not going to be read soon: past the system's cache, where the system can, so that it takes
	// no memory there. It waits for the device; the contents are safe after Sync all the same. Offset, length and the place of p in
	// memory are multiples of Block: see Blocks.
	WriteBlocks(p []byte, off int64) (int, error)
	// Preallocate makes the file at least size bytes long and reserves room for all of them, which are zeros until they
	// are written. It returns false, and may have done nothing, where the system cannot.
	Preallocate(size int64) (reserved bool, err error)
	// Truncate sets the file's length.
	Truncate(size int64) error
	// Size returns the file's length.
	Size() (int64, error)
	Close() error
}

// LockedError says that a directory is in use.
type LockedError struct {
	Path string
	PID  int // 0 when it is not known
	Self bool
}

func (e *LockedError) Error() string {
	switch {
	case e.Self:
		return fmt.Sprintf("%s is already open in this process: close it first, or choose another directory", e.Path)
	case e.PID != 0:
		return fmt.Sprintf("%s is in use by another process (pid %d): stop that process, or choose another directory", e.Path, e.PID)
	default:
		return fmt.Sprintf("%s is in use by another process: stop that process, or choose another directory", e.Path)
	}
}

// ErrNoSpace is what errors.Is finds in the error of an operation for which the disk had no room, on every system.
var ErrNoSpace = errors.New("no space left on device")

// ErrNoFiles is what errors.Is finds in the error of an operation for which the process, or the system, had too many files open. It changed
// nothing.
var ErrNoFiles = errors.New("raise the limit of open files, as with ulimit -n or LimitNOFILE, or close connections")

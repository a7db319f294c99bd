package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrReadOnly is returned by whatever would change a View.
var ErrReadOnly = errors.New("the directory was opened for looking at only")

// View returns the directory dir of the operating system for looking at: nothing in it can be changed, and it need not be
// writable. Its Lock takes no lock, and only says whether somebody has it.
func View(dir string) FS { return viewFS{osFS(dir)} }

type viewFS struct{ osFS }

func (v viewFS) Create(name string) (File, error) { return nil, v.refuse("create", name) }
func (v viewFS) Remove(name string) error         { return v.refuse("remove", name) }
func (v viewFS) Rename(from, _ string) error      { return v.refuse("rename", from) }
func (v viewFS) SyncDir(name string) error        { return v.refuse("sync", name) }
func (v viewFS) refuse(what, name string) error {
	return fmt.Errorf("%s %s: %w", what, v.path(name), ErrReadOnly)
}
func (v viewFS) Lock(name string) (io.Closer, error) {
	held, err := isLocked(v.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return unlocked{}, nil
	case err != nil:
		return nil, explain(err)
	case held:
		return nil, v.lockedBy(name)
	}
	return unlocked{}, nil
}

func (v viewFS) Open(name string) (File, error) {
	f, err := os.Open(v.path(name))
	if err != nil {
		return nil, explain(err)
	}
	return viewFile{newOSFile(f)}, nil
}

type viewFile struct{ *osFile }

func (viewFile) WriteAt([]byte, int64) (int, error)     { return 0, ErrReadOnly }
func (viewFile) WriteBlocks([]byte, int64) (int, error) { return 0, ErrReadOnly }
func (viewFile) Sync() error                            { return ErrReadOnly }
func (viewFile) Preallocate(int64) (bool, error)        { return false, ErrReadOnly }
func (viewFile) Truncate(int64) error                   { return ErrReadOnly }

// unlocked is a lock that is none.
type unlocked struct{}

func (unlocked) Close() error { return nil }

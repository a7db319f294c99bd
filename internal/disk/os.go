package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// OS returns the directory dir of the operating system. It is made, when it is missing, by Lock.
func OS(dir string) FS { return osFS(dir) }

type osFS string

func (d osFS) String() string { return string(d) }

func (d osFS) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d osFS) Create(name string) (File, error) {
	if sub := path.Dir(name); sub != "." {
		if err := os.MkdirAll(d.path(sub), 0o700); err != nil {
			return nil, explain(err)
		}
	}
	f, err := openFile(d.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, explain(err)
	}
	return newOSFile(f), nil
}

func (d osFS) Open(name string) (File, error) {
	f, err := openFile(d.path(name), os.O_RDWR)
	if err != nil {
		return nil, explain(err)
	}
	return newOSFile(f), nil
}

func (d osFS) Remove(name string) error { return explain(os.Remove(d.path(name))) }

func (d osFS) Rename(from, to string) error {
	return explain(os.Rename(d.path(from), d.path(to)))
}

func (d osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(d.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d osFS) SyncDir(dir string) error { return explain(syncDir(d.path(dir))) }

func (d osFS) Free() (int64, error) { return free(string(d)) }

// Lock makes the directory if need be, and holds a lock on a file in it that the system drops when the process ends.
func (d osFS) Lock(name string) (io.Closer, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, explain(err)
	}
	f, err := lockFile(d.path(name))
	if errors.Is(err, errHeld) {
		return nil, d.lockedBy(name)
	}
	if err != nil {
		return nil, explain(err)
	}
	if err := writePID(f); err != nil {
		_ = f.Close()
		return nil, explain(err)
	}
	return f, nil
}

// errHeld is what lockFile returns when somebody else has the lock.
var errHeld = errors.New("the lock is held")

func (d osFS) lockedBy(name string) error {
	b, _ := os.ReadFile(d.path(name))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return &LockedError{Path: string(d), PID: pid, Self: pid == os.Getpid()}
}

// writePID leaves our process id for whoever finds the lock held. It is only a courtesy: the lock itself is the system's.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// explain adds the remedy to errors that an operator can do something about.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case isNoSpace(err):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w: %w", err, ErrNoFiles)
	case isReadOnly(err):
		return fmt.Errorf("%w: the file system is mounted read-only; remount it writable or choose another directory", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: give this user write permission on it or choose another directory", err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: a file stands where a directory is wanted; choose another directory", err)
	default:
		return err
	}
}

// osFile is open twice once blocks were written to it: the second time past the system's cache.
type osFile struct {
	f       *os.File
	once    sync.Once
	direct  *os.File // nil where the system or the file system cannot
	refused atomic.Bool
}

func newOSFile(f *os.File) *osFile { return &osFile{f: f} }

func (o *osFile) ReadAt(p []byte, off int64) (int, error) { return o.f.ReadAt(p, off) }

func (o *osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := o.f.WriteAt(p, off)
	return n, explain(err)
}

func (o *osFile) WriteBlocks(p []byte, off int64) (int, error) {
	if err := checkBlocks(o.f.Name(), p, off); err != nil {
		return 0, err
	}
	o.once.Do(func() { o.direct = openDirect(o.f) })
	if o.direct == nil || o.refused.Load() {
		return o.WriteAt(p, off)
	}
	n, err := o.direct.WriteAt(p, off)
	if errors.Is(err, syscall.EINVAL) { // it has larger blocks, or said only now that it cannot
		o.refused.Store(true)
		return o.WriteAt(p, off)
	}
	return n, explain(err)
}

func (o *osFile) Sync() error               { return explain(syncData(o.f)) }
func (o *osFile) Truncate(size int64) error { return explain(o.f.Truncate(size)) }
func (o *osFile) Preallocate(size int64) (reserved bool, err error) {
	reserved, err = preallocate(o.f, size)
	return reserved, explain(err)
}

func (o *osFile) Close() error {
	var err error
	if o.direct != nil {
		err = o.direct.Close()
	}
	return errors.Join(err, o.f.Close())
}

func (o *osFile) Size() (int64, error) {
	st, err := o.f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

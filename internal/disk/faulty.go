package disk

import (
	"io"
	"sync"
)

// OpKind names an operation on an FS or a File.
type OpKind string

const (
	OpCreate      OpKind = "create"
	OpOpen        OpKind = "open"
	OpRemove      OpKind = "remove"
	OpRename      OpKind = "rename"
	OpList        OpKind = "list"
	OpSyncDir     OpKind = "syncdir"
	OpLock        OpKind = "lock"
	OpRead        OpKind = "read"
	OpWrite       OpKind = "write"
	OpSync        OpKind = "sync"
	OpPreallocate OpKind = "preallocate"
	OpTruncate    OpKind = "truncate"
	OpSize        OpKind = "size"
)

// Op is one operation.
type Op struct {
	Index int // counted from 0 over everything done through the Faulty
	Kind  OpKind
	Name  string
}

// Faulty is an FS that passes every operation on to another, except those that it is told to fail.
type Faulty struct {
	fs     FS
	before func(Op) error
	after  func(Op)

	mu   sync.Mutex
	next int
}

// NewFaulty wraps fs. Both functions may be nil and are called by whatever goroutine performs the operation.
//
// Before each operation, before decides: on nil it is performed; on an error it is not, and fails with that error. Two
// errors do more: a failing write first writes the first half, and a failing sync first makes a Mem forget what it was to make safe.
// After each operation that was performed, after is called.
func NewFaulty(fs FS, before func(Op) error, after func(Op)) *Faulty {
	return &Faulty{fs: fs, before: before, after: after}
}

// do performs one operation, or fails it.
func (f *Faulty) do(kind OpKind, name string, perform func() error, fail func()) error {
	f.mu.Lock()
	op := Op{Index: f.next, Kind: kind, Name: name}
	f.next++
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(op); err != nil {
			if fail != nil {
				fail()
			}
			return err
		}
	}
	err := perform()
	if f.after != nil {
		f.after(op)
	}
	return err
}

func (f *Faulty) file(kind OpKind, name string, perform func(string) (File, error)) (file File, err error) {
	err = f.do(kind, name, func() error {
		inner, err := perform(name)
		if err == nil {
			file = &faultyFile{f, inner, name}
		}
		return err
	}, nil)
	return file, err
}

func (f *Faulty) String() string                   { return f.fs.String() }
func (f *Faulty) Free() (int64, error)             { return f.fs.Free() }
func (f *Faulty) Create(name string) (File, error) { return f.file(OpCreate, name, f.fs.Create) }
func (f *Faulty) Open(name string) (File, error)   { return f.file(OpOpen, name, f.fs.Open) }

func (f *Faulty) Remove(name string) error {
	return f.do(OpRemove, name, func() error { return f.fs.Remove(name) }, nil)
}

func (f *Faulty) Rename(from, to string) error {
	return f.do(OpRename, from, func() error { return f.fs.Rename(from, to) }, nil)
}

func (f *Faulty) List(dir string) (names []string, err error) {
	err = f.do(OpList, dir, func() error { names, err = f.fs.List(dir); return err }, nil)
	return names, err
}

func (f *Faulty) SyncDir(dir string) error {
	return f.do(OpSyncDir, dir, func() error { return f.fs.SyncDir(dir) }, nil)
}

func (f *Faulty) Lock(name string) (lock io.Closer, err error) {
	err = f.do(OpLock, name, func() error { lock, err = f.fs.Lock(name); return err }, nil)
	return lock, err
}

type faultyFile struct {
	f    *Faulty
	file File
	name string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.f.do(OpRead, f.name, func() error { n, err = f.file.ReadAt(p, off); return err }, nil)
	return n, err
}

func (f *faultyFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.f.do(OpWrite, f.name,
		func() error { n, err = f.file.WriteAt(p, off); return err },
		func() { n, _ = f.file.WriteAt(p[:len(p)/2], off) })
	return n, err
}

func (f *faultyFile) WriteBlocks(p []byte, off int64) (n int, err error) {
	err = f.f.do(OpWrite, f.name,
		func() error { n, err = f.file.WriteBlocks(p, off); return err },
		func() { n, _ = f.file.WriteAt(p[:len(p)/2], off) })
	return n, err
}

func (f *faultyFile) Sync() error {
	return f.f.do(OpSync, f.name, f.file.Sync, func() {
		if m, ok := f.file.(*memFile); ok {
			m.failSync()
		}
	})
}

func (f *faultyFile) Preallocate(size int64) (reserved bool, err error) {
	err = f.f.do(OpPreallocate, f.name, func() error { reserved, err = f.file.Preallocate(size); return err }, nil)
	return reserved, err
}

func (f *faultyFile) Truncate(size int64) error {
	return f.f.do(OpTruncate, f.name, func() error { return f.file.Truncate(size) }, nil)
}

func (f *faultyFile) Size() (n int64, err error) {
	err = f.f.do(OpSize, f.name, func() error { n, err = f.file.Size(); return err }, nil)
	return n, err
}

func (f *faultyFile) Close() error { return f.file.Close() }

package disk

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"sync"
)

// Mem is a directory in memory that can crash.
//
// It keeps two states: what a running process sees, and what is safe. Sync and SyncDir carry the first over into the
// second; Crash makes a new disk from the second and any part of what lies between them.
type Mem struct {
	mu       sync.Mutex
	seen     map[string]*inode // names as a running process sees them
	safe     map[string]*inode // names that survive a crash for certain
	pending  []nameChange      // what leads from safe to seen, in order
	locked   map[string]bool
	capacity int64
}

// nameChange is one change of names that is not yet safe. A rename is one change, so that it happens as a whole or not at all.
type nameChange struct {
	dir    string
	remove string // this name goes, unless empty
	set    string // this name now means node, unless empty
	node   *inode
}

func (c nameChange) apply(names map[string]*inode) {
	if c.remove != "" {
		delete(names, c.remove)
	}
	if c.set != "" {
		names[c.set] = c.node
	}
}

// NewMem returns an empty disk without a limit.
func NewMem() *Mem {
	return &Mem{seen: map[string]*inode{}, safe: map[string]*inode{}, locked: map[string]bool{}, capacity: math.MaxInt64}
}

func (m *Mem) String() string { return "mem:" }

// SetCapacity limits the sum of all files' lengths. What is there already stays.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := &inode{dirty: map[int64][][]byte{}}
	m.change(nameChange{dir: path.Dir(name), set: name, node: node})
	return &memFile{m: m, node: node, name: name}, nil
}

func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.seen[name]
	if node == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{m: m, node: node, name: name}, nil
}

func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	m.change(nameChange{dir: path.Dir(name), remove: name})
	return nil
}

func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.seen[from]
	if node == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if path.Dir(from) != path.Dir(to) {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrInvalid}
	}
	m.change(nameChange{dir: path.Dir(to), remove: from, set: to, node: node})
	return nil
}

func (m *Mem) change(c nameChange) {
	c.apply(m.seen)
	m.pending = append(m.pending, c)
}

func (m *Mem) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.seen {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending = slices.DeleteFunc(m.pending, func(c nameChange) bool {
		if c.dir == dir {
			c.apply(m.safe)
		}
		return c.dir == dir
	})
	return nil
}

func (m *Mem) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[name] {
		return nil, &LockedError{Path: m.String(), Self: true}
	}
	m.locked[name] = true
	return memLock{m, name}, nil
}

type memLock struct {
	m    *Mem
	name string
}

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locked, l.name)
	return nil
}

func (m *Mem) Free() (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(0, m.capacity-m.used()), nil
}

func (m *Mem) used() (n int64) {
	for _, node := range m.seen {
		n += int64(len(node.data))
	}
	return n
}

// Snapshot returns a copy of the disk as a running process sees it, all of it safe: the same machine after kill -9 and a sync.
func (m *Mem) Snapshot() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := NewMem()
	for name, node := range m.seen {
		after.seen[name] = newInode(slices.Clone(node.data))
	}
	after.safe = maps.Clone(after.seen)
	return after
}

type memFile struct {
	m    *Mem
	node *inode
	name string
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.hasRoom("write", off+int64(len(p))); err != nil {
		return 0, err
	}
	f.node.write(p, off)
	return len(p), nil
}

func (f *memFile) WriteBlocks(p []byte, off int64) (int, error) {
	if err := checkBlocks(f.name, p, off); err != nil {
		return 0, err
	}
	return f.WriteAt(p, off)
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.node.sync()
	return nil
}

// failSync is a sync that failed: what was waiting to be written is forgotten. It can still be read, as from a page cache,
// and a later Sync succeeds, but it never reached the disk.
func (f *memFile) failSync() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	clear(f.node.dirty)
}

func (f *memFile) Preallocate(size int64) (reserved bool, err error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.hasRoom("preallocate", size); err != nil {
		return false, err
	}
	f.node.data = resize(f.node.data, max(size, int64(len(f.node.data))))
	return true, nil
}

// hasRoom says whether the file may become so long.
func (f *memFile) hasRoom(op string, size int64) error {
	if grow := size - int64(len(f.node.data)); grow > 0 && f.m.used()+grow > f.m.capacity {
		return &fs.PathError{Op: op, Path: f.name, Err: ErrNoSpace}
	}
	return nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if size < 0 {
		return fmt.Errorf("truncate %s to %d: %w", f.name, size, fs.ErrInvalid)
	}
	f.node.truncate(size)
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) Close() error { return nil }

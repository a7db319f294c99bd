package journal

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/disk"
)

// segment is one file of the journal: the addresses from base to base+capacity. An address is at offset
// segmentHeaderSize + address - base of the file.
type segment struct {
	base     LSN
	capacity int64
	salt     uint64

	// How much in it is needed. Guarded by Journal.mu while the segment is being filled, constant afterwards.
	kept      uint64 // holders of the live records appended
	keptBytes int64
	used      int64
	filled    atomic.Bool   // nothing more will be appended to it
	released  atomic.Uint64 // by holders, since

	mu   sync.RWMutex // held for reading by whoever uses file, for writing by whoever sets or closes it
	file disk.File    // nil before the first batch is written, and after the segment was deleted

	fresh int64 // the offset in file from which on no block was ever written. Owned by who makes the file, then by the writer

	// Owned by the reclaimer.
	carried   bool
	carriedAt uint64 // released, then
}

func (s *segment) name() string         { return segmentName(s.base) }
func (s *segment) end() LSN             { return s.base + LSN(s.capacity) }
func (s *segment) size() int64          { return segmentHeaderSize + s.capacity }
func (s *segment) offset(lsn LSN) int64 { return segmentHeaderSize + int64(lsn-s.base) }
func (s *segment) live() int64          { return max(0, int64(s.kept)-int64(s.released.Load())) }
func (s *segment) dead() bool           { return s.filled.Load() && s.released.Load() >= s.kept }

// liveBytes estimates the bytes of the live records, as if all were of the same size and had as many holders.
func (s *segment) liveBytes() int64 { return s.share(uint64(s.live())) }

// share estimates the bytes of the records of so many holders.
func (s *segment) share(holders uint64) int64 {
	if s.kept == 0 {
		return 0
	}
	return int64(float64(s.keptBytes) * float64(holders) / float64(s.kept))
}

func (s *segment) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.file
	s.file = nil
	if file == nil {
		return nil
	}
	return file.Close()
}

// dirSyncError says that the directory could not be synced: as with files, no later sync makes up for it.
type dirSyncError struct{ error }

func (e dirSyncError) Unwrap() error { return e.error }

// syncNames syncs the directory. That it could not even be opened for that is no failed sync.
func syncNames(fs disk.FS) error {
	err := fs.SyncDir(".")
	if err == nil {
		return nil
	}
	err = fmt.Errorf("sync directory %s: %w", fs, err)
	if errors.Is(err, disk.ErrNoFiles) {
		return err
	}
	return dirSyncError{err}
}

// makeFile makes the file of a segment from a header and the bytes of its first records, followed by zeros up to size: written
// and synced under a temporary name first, so that under its own name it is whole or not there. A file that had the name is replaced. No
// block from offset fresh on was written.
func makeFile(fs disk.FS, h segmentHeader, content []byte, size int64) (file disk.File, fresh int64, err error) {
	name := segmentName(h.base)
	if fresh, err = writeFile(fs, name+tmpExt, h, content, size); err != nil {
		_ = fs.Remove(name + tmpExt)
		return nil, 0, fmt.Errorf("make segment %s in %s: %w", name, fs, err)
	}
	if err := fs.Rename(name+tmpExt, name); err != nil {
		return nil, 0, fmt.Errorf("make segment %s in %s: %w", name, fs, err)
	}
	if err := syncNames(fs); err != nil {
		return nil, 0, err
	}
	if file, err = fs.Open(name); err != nil {
		return nil, 0, fmt.Errorf("make segment %s in %s: %w", name, fs, err)
	}
	return file, fresh, nil
}

const tmpExt = ".tmp"

// writeFile writes and syncs a file that has room for all of its zeros, and returns the offset from which on they were not written.
func writeFile(fs disk.FS, name string, h segmentHeader, content []byte, size int64) (fresh int64, err error) {
	file, err := fs.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteAt(h.bytes(), 0); err != nil {
		return 0, err
	}
	fresh = segmentHeaderSize
	if len(content) > 0 {
		if _, err := file.WriteAt(content, fresh); err != nil {
			return 0, err
		}
		fresh += int64(len(content))
	}
	if fresh, err = takeRoom(file, fresh, size); err != nil {
		return 0, err
	}
	return fresh, file.Sync()
}

// takeRoom makes a file that was written up to an offset as long as size, so that there will be room for what is written into it; with
// zeros, where the system cannot reserve it. It returns the offset up to which it is written now, or a little more.
func takeRoom(file disk.File, written, size int64) (fresh int64, err error) {
	reserved, err := file.Preallocate(size)
	if err != nil || reserved {
		return int64(roundUp(int(written))), err
	}
	return size, zeroTo(file, written, size)
}

// zeroTo writes zeros from at up to size.
func zeroTo(file disk.File, at, size int64) error {
	for at < size {
		n, err := file.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

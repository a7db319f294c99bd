//go:build !linux

package disk

import "os"

// syncData is the strongest sync there is: os.File.Sync is F_FULLFSYNC on macOS and FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }

// preallocate does nothing: the journal writes zeros over its files in any case.
func preallocate(*os.File, int64) error { return nil }

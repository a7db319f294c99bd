//go:build !linux

package disk

import "os"

// syncData is the strongest sync there is: os.File.Sync is F_FULLFSYNC on macOS and FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }

func preallocate(*os.File, int64) (reserved bool, err error) { return false, nil }

func openDirect(*os.File) *os.File { return nil }

//go:build darwin || linux

package machine

import (
	"path/filepath"
	"syscall"
)

// DiskSize is how many bytes the file system of a directory has, or the one that it would be made on; 0 when the system does not tell.
func DiskSize(dir string) int64 {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0
	}
	for {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err == nil {
			return int64(st.Blocks) * int64(st.Bsize)
		}
		above := filepath.Dir(dir)
		if above == dir {
			return 0
		}
		dir = above
	}
}

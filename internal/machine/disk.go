package machine

import "path/filepath"

// DiskSize is how many bytes the file system of a directory has, or the one that it would be made on; 0 when the system does not tell.
func DiskSize(dir string) int64 {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0
	}
	for {
		if size, err := diskSize(dir); err == nil {
			return size
		}
		above := filepath.Dir(dir)
		if above == dir {
			return 0
		}
		dir = above
	}
}

//go:build darwin || linux

package machine

import "syscall"

func diskSize(dir string) (int64, error) {
	var st syscall.Statfs_t
	err := syscall.Statfs(dir, &st)
	return int64(st.Blocks) * int64(st.Bsize), err
}

package machine

import (
	"fmt"
	"syscall"
)

// fileSystems are the names of file systems by their magic numbers (statfs(2), linux/magic.h).
var fileSystems = map[uint32]string{
	0x01021994: "tmpfs",
	0x858458f6: "ramfs",
	0x794c7630: "overlay",
	0x6969:     "nfs",
	0x517b:     "smb",
	0xff534d42: "cifs",
	0xfe534d42: "smb2",
	0x01021997: "9p",
	0x65735546: "fuse",
	0x00c36400: "ceph",
	0x4d44:     "vfat",
	0x2011bab0: "exfat",
	0xef53:     "ext4",
	0x58465342: "xfs",
	0x9123683e: "btrfs",
	0x2fc12fc1: "zfs",
	0xf2f52010: "f2fs",
}

// FileSystem is the kind of file system that a directory is on, as mount(8) calls it; "" when the system does not tell.
func FileSystem(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return ""
	}
	if name, ok := fileSystems[uint32(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("%#x", uint32(st.Type))
}

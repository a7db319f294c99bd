package machine

import "golang.org/x/sys/windows"

func diskSize(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var size uint64
	err = windows.GetDiskFreeSpaceEx(name, nil, &size, nil)
	return int64(size), err
}

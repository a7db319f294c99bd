//go:build !race

package socket

import (
	"syscall"
	"unsafe"
)

func read(fd int, b []byte) (int, error)  { return call(syscall.SYS_READ, fd, b) }
func write(fd int, b []byte) (int, error) { return call(syscall.SYS_WRITE, fd, b) }

// longest is the most bytes that a quick call is given, for while the system copies them nobody else gets the processor: some 20 µs.
const longest = 128 << 10

var calls = newBeat()

func call(what uintptr, fd int, b []byte) (int, error) {
	if len(b) <= longest && calls.often() {
		n, _, err := syscall.RawSyscall(what, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		return result(n, err)
	}
	if calls.begin() {
		defer calls.begun()
	}
	r, _, errno := syscall.Syscall(what, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return result(r, errno)
}

func result(n uintptr, err syscall.Errno) (int, error) {
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

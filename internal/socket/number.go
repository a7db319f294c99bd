package socket

import (
	"net"
	"syscall"
)

// Number is the number of a connection's socket among the files of this process, also under TLS; false when it has none that can be told.
// On Unix a new one gets the lowest number that is free.
func Number(conn net.Conn) (number uintptr, ok bool) {
	if outer, is := conn.(interface{ NetConn() net.Conn }); is {
		conn = outer.NetConn()
	}
	owner, is := conn.(syscall.Conn)
	if !is {
		return 0, false
	}
	raw, err := owner.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) { number = fd })
	return number, err == nil
}

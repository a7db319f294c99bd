package link

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Gone reports whether the peer has closed its side, though what it sent before is not read yet. It does not wait. Where the system does not
// say so it is false, and a heartbeat finds out.
func (l *Link) Gone() (gone bool) {
	conn := l.conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = secure.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { // an error: it is closed already
		ask := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(ask, 0)
		gone = n == 1 && err == nil && ask[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone
}

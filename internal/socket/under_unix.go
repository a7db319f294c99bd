//go:build unix

package socket

import (
	"net"
	"syscall"
)

// Under returns a connection that reads and writes conn's socket as a Socket does, for who needs a [net.Conn]: TLS. It returns conn itself if that has no
// socket.
func Under(conn net.Conn) net.Conn {
	if s := Of(conn); s != nil {
		return &under{conn, s}
	}
	return conn
}

type under struct {
	net.Conn
	socket *Socket
}

func (u *under) Read(b []byte) (int, error) { return u.socket.Read(b) }

// Write waits for room where there is not enough.
func (u *under) Write(b []byte) (int, error) {
	n, err := u.socket.TryWrite(b)
	if n == len(b) || err != nil {
		return n, err
	}
	more, err := u.Conn.Write(b[n:])
	return n + more, err
}

// SyscallConn implements syscall.Conn.
func (u *under) SyscallConn() (syscall.RawConn, error) { return u.Conn.(syscall.Conn).SyscallConn() }

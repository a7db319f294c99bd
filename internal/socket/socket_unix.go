//go:build unix

package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Socket is the socket of a connection. One goroutine at a time may read, and one write. Its errors are those of the connection's own Read and
// Write.
type Socket struct {
	conn    net.Conn
	in, out half
}

// Of returns the socket of a connection, nil if it has none of its own to give: a connection in memory, TLS, another system.
func Of(conn net.Conn) *Socket {
	owner, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := owner.SyscallConn()
	if err != nil {
		return nil
	}
	s := &Socket{conn: conn, in: half{raw: raw.Read}, out: half{raw: raw.Write}}
	s.in.once, s.out.once = s.in.read, s.out.write
	return s
}

// Read waits for bytes, as a net.Conn does, and like it ends with the connection and its read deadline.
func (s *Socket) Read(b []byte) (int, error) {
	n, err := s.in.call(b)
	switch {
	case err != nil:
		return 0, s.failed("read", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// TryWrite writes as much as there is room for at once, which may be nothing.
func (s *Socket) TryWrite(b []byte) (int, error) {
	n, err := s.out.call(b)
	if err != nil {
		return 0, s.failed("write", err)
	}
	return n, nil
}

// failed says whose error it is, and of what, unless it is said already.
func (s *Socket) failed(what string, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		op.Op = what // raw-read
		return op
	}
	from := s.conn.LocalAddr()
	return &net.OpError{Op: what, Net: from.Network(), Source: from, Addr: s.conn.RemoteAddr(), Err: os.NewSyscallError(what, err)}
}

// half is one direction.
type half struct {
	raw  func(func(fd uintptr) bool) error // has a function called with the socket, again when it is ready if it was not
	once func(fd uintptr) bool             // read or write; bound once, so that a call does not allocate

	b   []byte
	n   int
	err error
}

func (h *half) call(b []byte) (int, error) {
	h.b = b
	err := h.raw(h.once)
	h.b = nil
	if err != nil {
		return 0, err
	}
	return h.n, h.err
}

func (h *half) read(fd uintptr) (done bool) {
	for {
		h.n, h.err = read(int(fd), h.b)
		if h.err != syscall.EINTR {
			return h.err != syscall.EAGAIN
		}
	}
}

func (h *half) write(fd uintptr) (done bool) {
	h.n, h.err = write(int(fd), h.b)
	if h.err == syscall.EAGAIN || h.err == syscall.EINTR {
		h.n, h.err = 0, nil
	}
	return true
}

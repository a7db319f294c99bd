//go:build unix

package link

import "syscall"

// tryWriter writes to a socket without ever waiting for it.
type tryWriter struct {
	raw  syscall.RawConn
	once func(fd uintptr) bool // bound once, so that a write does not allocate
	b    []byte
	n    int
	err  error
}

func newTryWriter(sc syscall.Conn) *tryWriter {
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	t := &tryWriter{raw: raw}
	t.once = t.attempt
	return t
}

// attempt returns true whatever happened: never wait.
func (t *tryWriter) attempt(fd uintptr) bool {
	t.n, t.err = syscall.Write(int(fd), t.b)
	return true
}

// write returns how much the socket took; a full socket is not an error.
func (t *tryWriter) write(b []byte) (int, error) {
	t.b, t.n, t.err = b, 0, nil
	err := t.raw.Write(t.once)
	t.b = nil
	switch {
	case err != nil:
		return 0, err
	case t.err == syscall.EAGAIN || t.err == syscall.EINTR:
		return 0, nil
	case t.err != nil:
		return 0, t.err
	}
	return t.n, nil
}

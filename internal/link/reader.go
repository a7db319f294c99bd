package link

import (
	"errors"
	"time"
)

// ErrTooLong is returned by Read when more was kept back than Config.MaxRead.
var ErrTooLong = errors.New("more bytes held back than allowed")

// Read waits for bytes and returns all that are there: what Keep held back
// and what one read of the socket added. They are valid until the next call.
//
// The buffer starts small, so that an idle connection costs little, and grows
// when a read fills it.
func (l *Link) Read() ([]byte, error) {
	if err := l.makeRoom(); err != nil {
		return nil, err
	}
	have := len(l.kept)
	n, err := l.read(l.buf[have:cap(l.buf)])
	if n > 0 {
		l.reads.Add(1)
		l.kept = l.buf[:have+n]
		l.filled = len(l.kept) == cap(l.buf)
		return l.kept, nil
	}
	if ended := l.Err(); ended != nil {
		return nil, ended
	}
	return nil, err
}

func (l *Link) read(b []byte) (int, error) {
	if l.socket != nil {
		return l.socket.Read(b)
	}
	return l.conn.Read(b)
}

// Keep says what of the last Read was not consumed; it must be a tail of it.
func (l *Link) Keep(rest []byte) { l.kept = rest }

// SetMaxRead changes Config.MaxRead; for the reader only.
func (l *Link) SetMaxRead(n int) { l.cfg.MaxRead = n }

// makeRoom moves the kept tail to the front of a buffer with room behind it.
func (l *Link) makeRoom() error {
	have := len(l.kept)
	if have >= l.cfg.MaxRead {
		return ErrTooLong
	}
	size := cap(l.buf)
	switch {
	case size == 0:
		size = firstRead
	case have == size:
		size *= 2
	case l.filled && size < fullRead:
		size *= 2
	}
	if size != cap(l.buf) {
		grown := make([]byte, size)
		copy(grown, l.kept)
		l.buf = grown
	} else {
		copy(l.buf[:have], l.kept)
	}
	l.kept = l.buf[:have]
	return nil
}

// Interrupt makes a Read that waits, and those to come, fail with
// os.ErrDeadlineExceeded until Resume. Any goroutine may call it.
func (l *Link) Interrupt() { l.conn.SetReadDeadline(time.Unix(1, 0)) }

// Resume ends an Interrupt; for the reader only.
func (l *Link) Resume() { l.conn.SetReadDeadline(time.Time{}) }

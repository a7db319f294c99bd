package postridertest

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// line is a connection. The first of its ends is the dialler's.
type line struct {
	net      *Network
	from, to string
	ends     [2]*end
	mute     atomic.Bool  // what is written is lost, and an end that closes is not noticed at the other
	late     atomic.Int64 // a time.Duration between a write and its arrival
}

func newLine(n *Network, from, to string) *line {
	l := &line{net: n, from: from, to: to}
	there, back := newStream(), newStream()
	l.ends = [2]*end{{line: l, in: back, out: there}, {line: l, in: there, out: back}}
	n.mu.Lock()
	defer n.mu.Unlock()
	l.late.Store(int64(max(n.late[from], n.late[to])))
	return l
}

func (l *line) touches(name string) bool { return l.from == name || l.to == name }

// hush makes the line mute.
func (l *line) hush() {
	l.mute.Store(true)
	for _, e := range l.ends {
		e.out.lose()
	}
}

// snap breaks the line: both sides notice, and what is under way is lost.
func (l *line) snap() {
	l.net.mu.Lock()
	delete(l.net.lines, l)
	l.net.mu.Unlock()
	l.hangUp()
}

func (l *line) hangUp() {
	for _, e := range l.ends {
		e.out.snap()
	}
}

// end is one of a line. It is a net.Conn.
type end struct {
	line    *line
	in, out *stream
	closed  atomic.Bool
}

func (e *end) Read(b []byte) (int, error) { return e.in.read(b) }

func (e *end) Write(b []byte) (int, error) {
	if e.line.mute.Load() && !e.closed.Load() {
		return len(b), nil // as a kernel takes it that does not know yet
	}
	return e.out.write(b, time.Duration(e.line.late.Load()))
}

// Close lets the other end have what is under way. That of a mute line is noticed here alone, until both have closed it.
func (e *end) Close() error {
	l := e.line
	e.closed.Store(true)
	both := l.ends[0].closed.Load() && l.ends[1].closed.Load()
	switch {
	case both:
		l.snap()
	case l.mute.Load():
		return e.SetDeadline(time.Unix(1, 0))
	default:
		e.in.leave()
		e.out.end(time.Duration(l.late.Load()))
	}
	return nil
}

func (e *end) SetDeadline(at time.Time) error {
	return errors.Join(e.SetReadDeadline(at), e.SetWriteDeadline(at))
}

func (e *end) SetReadDeadline(at time.Time) error {
	e.in.change(func() { e.in.reading = at })
	return nil
}

func (e *end) SetWriteDeadline(at time.Time) error {
	e.out.change(func() { e.out.writing = at })
	return nil
}

func (e *end) LocalAddr() net.Addr  { return e.addr(0) }
func (e *end) RemoteAddr() net.Addr { return e.addr(1) }

// addr is the address of this end, or of the other one.
func (e *end) addr(other int) net.Addr {
	names := [2]string{e.line.from, e.line.to}
	if e == e.line.ends[1] {
		other = 1 - other
	}
	return address(Address(names[other]))
}

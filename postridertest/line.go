package postridertest

import (
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
	late     atomic.Int64 // a time.Duration before each read returns
}

func newLine(n *Network, from, to string) *line {
	l := &line{net: n, from: from, to: to}
	a, b := net.Pipe()
	l.ends = [2]*end{{Conn: a, line: l}, {Conn: b, line: l}}
	n.mu.Lock()
	defer n.mu.Unlock()
	l.late.Store(int64(max(n.late[from], n.late[to])))
	return l
}

func (l *line) touches(name string) bool { return l.from == name || l.to == name }

// snap breaks the line: both sides notice.
func (l *line) snap() {
	l.net.mu.Lock()
	delete(l.net.lines, l)
	l.net.mu.Unlock()
	l.hangUp()
}

func (l *line) hangUp() {
	for _, e := range l.ends {
		e.Conn.Close()
	}
}

// end is one of a line.
type end struct {
	net.Conn
	line   *line
	closed atomic.Bool
}

func (e *end) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	if late := time.Duration(e.line.late.Load()); late > 0 {
		time.Sleep(late)
	}
	return n, err
}

func (e *end) Write(b []byte) (int, error) {
	if e.line.mute.Load() && !e.closed.Load() {
		return len(b), nil // as a kernel takes it that does not know yet
	}
	return e.Conn.Write(b)
}

// Close of a mute line is noticed here alone, until both have closed it.
func (e *end) Close() error {
	l := e.line
	e.closed.Store(true)
	if l.mute.Load() && !(l.ends[0].closed.Load() && l.ends[1].closed.Load()) {
		return e.SetDeadline(time.Unix(1, 0))
	}
	l.snap()
	return nil
}

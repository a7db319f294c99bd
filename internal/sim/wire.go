package sim

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// wire is a connection through the simulated network, as the broker holds it.
// What was written at one end is under way until the network delivers it, in
// pieces of its own choice; when the connection is cut, what is under way is lost.
type wire struct {
	world *World
	in    []byte // arrived at the broker
	up    []byte // under way to the broker
	down  []byte // under way to the client

	read     int64 // bytes that the broker has read
	sent     int64 // bytes that the client has written
	cut      error // what the broker gets when in is empty; nil: connected
	closed   bool  // by the broker
	late     bool  // the read deadline has passed
	reading  bool  // the broker waits for bytes
	gone     bool  // the client holds it no more
	downSize int   // bytes ever written by the broker
}

// readable says whether a Read would return.
func (x *wire) readable() bool { return len(x.in) > 0 || x.cut != nil || x.closed || x.late }

func (x *wire) Read(p []byte) (int, error) {
	for !x.readable() {
		x.reading = true
		x.world.park()
		x.reading = false
	}
	switch {
	case x.closed:
		return 0, net.ErrClosed
	case x.late:
		return 0, os.ErrDeadlineExceeded
	case len(x.in) > 0:
		n := copy(p, x.in)
		x.in = x.in[:copy(x.in, x.in[n:])]
		x.read += int64(n)
		return n, nil
	}
	return 0, x.cut
}

func (x *wire) Write(p []byte) (int, error) {
	if x.closed {
		return 0, net.ErrClosed
	}
	if x.cut != nil {
		return 0, syscall.EPIPE
	}
	x.down = append(x.down, p...)
	x.downSize += len(p)
	return len(p), nil
}

func (x *wire) Close() error {
	x.closed = true
	return nil
}

// breakOff cuts the connection: the broker finds out when it has read what arrived.
func (x *wire) breakOff(reset bool) {
	if x.cut == nil {
		x.cut = io.EOF
		if reset {
			x.cut, x.in = syscall.ECONNRESET, nil
		}
	}
	x.up, x.down = nil, nil
	x.gone = true
}

// deliverUp takes up to n bytes to the broker, and deliverDown n to the client.
func (x *wire) deliverUp(n int) bool {
	n = min(n, len(x.up))
	if n == 0 || x.cut != nil {
		return false
	}
	x.in = append(x.in, x.up[:n]...)
	x.up = x.up[:copy(x.up, x.up[n:])]
	return true
}

func (x *wire) SetReadDeadline(t time.Time) error {
	x.late = !t.IsZero() && t.Unix() <= 1
	return nil
}

var someAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}

func (x *wire) SetWriteDeadline(time.Time) error { return nil }
func (x *wire) SetDeadline(time.Time) error      { return nil }
func (x *wire) LocalAddr() net.Addr              { return someAddr }
func (x *wire) RemoteAddr() net.Addr             { return someAddr }

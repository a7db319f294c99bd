package link

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// Wake tells the writer goroutine that Next has something. It may be called
// under the owner's locks.
func (l *Link) Wake() {
	if l.pending.Load() || l.pending.Swap(true) {
		return
	}
	l.signal()
}

func (l *Link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Flush writes what Next has in the calling goroutine, as far as the socket
// takes it without blocking and Next finds it at once; the rest is left to the
// writer goroutine. It must not be called under the owner's locks.
func (l *Link) Flush() {
	if l.socket == nil || !l.tryHold() {
		l.Wake()
		return
	}
	l.pending.Store(false)
	more := l.flush()
	l.letGo()
	if more {
		l.Wake()
	}
}

// flushRounds bounds how long a Flush may keep its caller, in pieces.
const flushRounds = 3

// flush reports whether something is left for the writer goroutine.
func (l *Link) flush() (more bool) {
	for range flushRounds {
		if len(l.rest) == 0 {
			l.rest = l.src.Next(true)
		}
		if len(l.rest) == 0 {
			return false
		}
		if err := l.attempt(); err != nil {
			l.Close(err)
			return false
		}
		if len(l.rest) > 0 {
			return true
		}
	}
	return true
}

// write is the writer goroutine.
func (l *Link) write() {
	for {
		select {
		case <-l.wake:
		case <-l.done:
			return
		}
		// One yield lets those who are about to send join this batch.
		runtime.Gosched()
		l.hold()
		err := l.drain()
		l.letGo()
		if err != nil {
			l.Close(err)
			return
		}
	}
}

func (l *Link) hold()  { l.writing <- struct{}{} }
func (l *Link) letGo() { <-l.writing }

func (l *Link) tryHold() bool {
	select {
	case l.writing <- struct{}{}:
		return true
	default:
		return false
	}
}

// drain writes until Next has nothing more. The caller holds writing.
func (l *Link) drain() error {
	for {
		if more, err := l.writePiece(); !more || err != nil {
			return err
		}
	}
}

// writePiece writes the next piece; false means that there is none.
func (l *Link) writePiece() (bool, error) {
	if len(l.rest) == 0 {
		l.pending.Store(false)
		l.rest = l.src.Next(false)
	}
	if len(l.rest) == 0 {
		return false, nil
	}
	return true, l.writeRest()
}

// Pump is one round of the writer goroutine, for a link that has none
// (Config.Manual). It writes one piece, if the link was woken, and reports
// whether it did.
func (l *Link) Pump() bool {
	select {
	case <-l.done:
		return false
	case <-l.wake:
		l.awake = true
	default:
	}
	if !l.awake {
		return false
	}
	l.hold()
	more, err := l.writePiece()
	l.letGo()
	l.awake = more && err == nil
	if err != nil {
		l.Close(err)
	}
	return more
}

// writeRest writes the whole of rest. Mostly the socket takes it at once; a deadline is set for a write that waits, and
// goes on as long as each one saw progress.
func (l *Link) writeRest() error {
	if l.socket != nil {
		if err := l.attempt(); err != nil || len(l.rest) == 0 {
			return err
		}
	}
	defer l.conn.SetWriteDeadline(time.Time{}) // one that has passed would fail the next Flush
	for len(l.rest) > 0 {
		l.conn.SetWriteDeadline(time.Now().Add(l.cfg.Stall))
		n, err := l.conn.Write(l.rest)
		l.wrote(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if n > 0 {
				continue
			}
			return ErrStalled
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attempt writes as much of rest as the socket takes at once.
func (l *Link) attempt() error {
	n, err := l.socket.TryWrite(l.rest)
	l.wrote(n)
	return err
}

func (l *Link) wrote(n int) {
	if n > 0 {
		l.writes.Add(1)
	}
	l.rest = l.rest[n:]
}

// Quiesce runs what must not run beside Next.
func (l *Link) Quiesce(what func()) {
	l.hold()
	defer l.letGo()
	what()
}

// Drain writes what is pending in the calling goroutine, blocking until the
// socket took it all, the deadline passed, or the link ended. It is for the
// last words of a connection, before Close.
func (l *Link) Drain(deadline time.Time) error {
	stop := time.AfterFunc(time.Until(deadline), func() { l.Close(os.ErrDeadlineExceeded) })
	defer stop.Stop()
	l.hold()
	defer l.letGo()
	return l.drain()
}

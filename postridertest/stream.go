package postridertest

import (
	"io"
	"os"
	"sync"
	"time"
)

// stream is one direction of a line: what was written and is not read yet. As on a socket, who writes waits only while much is under way, and each
// part arrives at its own time, whether what came before it has been read or not.
type stream struct {
	mu      sync.Mutex
	changed sync.Cond
	parts   []part    // in the order in which they arrive
	size    int       // of all of them, in bytes
	last    time.Time // when the last one arrives
	ended   time.Time // when it arrives that nothing more is written; zero: it is
	left    bool      // nothing more is read
	reading time.Time // the deadline of who reads; zero: none
	writing time.Time // and of who writes
}

// part is what was written at once.
type part struct {
	bytes []byte
	due   time.Time // when it arrives
}

const maxUnderWay = 256 << 10 // bytes of a stream that may wait to be read

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

// write sends bytes that arrive so much later.
func (s *stream) write(b []byte, late time.Duration) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		room := maxUnderWay - s.size
		switch {
		case s.left || !s.ended.IsZero():
			return n, io.ErrClosedPipe
		case passed(s.writing):
			return n, os.ErrDeadlineExceeded
		case n == len(b):
			return n, nil
		case room > 0:
			some := b[n:min(len(b), n+room)]
			s.add(some, s.arrival(late))
			n += len(some)
		default:
			s.wait(s.writing)
		}
	}
}

// arrival is when it arrives what is sent now: not before what was sent earlier. The caller holds mu.
func (s *stream) arrival(late time.Duration) time.Time {
	if at := time.Now().Add(late); at.After(s.last) {
		s.last = at
	}
	return s.last
}

// add has bytes arrive. The caller holds mu.
func (s *stream) add(b []byte, due time.Time) {
	s.parts = append(s.parts, part{append([]byte(nil), b...), due})
	s.size += len(b)
	s.changed.Broadcast()
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next := s.ended
		if len(s.parts) > 0 {
			next = s.parts[0].due
		}
		switch {
		case s.left:
			return 0, io.ErrClosedPipe
		case passed(s.reading):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case passed(next) && len(s.parts) == 0:
			return 0, io.EOF
		case passed(next):
			return s.take(b), nil
		}
		s.wait(earlier(s.reading, next))
	}
}

// take reads what has arrived. The caller holds mu.
func (s *stream) take(b []byte) (n int) {
	for len(s.parts) > 0 && n < len(b) && passed(s.parts[0].due) {
		p := &s.parts[0]
		some := copy(b[n:], p.bytes)
		n += some
		if p.bytes = p.bytes[some:]; len(p.bytes) == 0 {
			s.parts = s.parts[1:]
		}
	}
	s.size -= n
	s.changed.Broadcast()
	return n
}

// wait waits for a change, or until then, if that is not zero. The caller holds mu.
func (s *stream) wait(until time.Time) {
	if !until.IsZero() {
		defer time.AfterFunc(time.Until(until), s.wake).Stop()
	}
	s.changed.Wait()
}

func (s *stream) wake() { s.change(func() {}) }

func (s *stream) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	s.changed.Broadcast()
}

// end is for who writes: nothing more comes after what is under way.
func (s *stream) end(late time.Duration) {
	s.change(func() {
		if s.ended.IsZero() {
			s.ended = s.arrival(late)
		}
	})
}

// leave is for who reads: nothing more is taken.
func (s *stream) leave() { s.change(func() { s.left, s.parts = true, nil }) }

// snap breaks it for both: what is under way is lost.
func (s *stream) snap() {
	s.end(0)
	s.leave()
}

// lose drops what has not arrived.
func (s *stream) lose() {
	s.change(func() {
		for i, p := range s.parts {
			if !passed(p.due) {
				s.parts = s.parts[:i]
				break
			}
		}
		s.size = 0
		for _, p := range s.parts {
			s.size += len(p.bytes)
		}
	})
}

// passed reports whether a moment has come; the zero one never does.
func passed(at time.Time) bool { return !at.IsZero() && !time.Now().Before(at) }

// earlier is the first of two moments, of which one may be missing.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

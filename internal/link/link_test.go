package link

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// outbox is a Source that hands out what was put in, as one piece.
type outbox struct {
	mu   sync.Mutex
	next []byte
	out  []byte
	max  int // the largest piece; 0 = no limit
}

func (o *outbox) put(b []byte) {
	o.mu.Lock()
	o.next = append(o.next, b...)
	o.mu.Unlock()
}

func (o *outbox) Next(bool) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.next)
	if o.max > 0 {
		n = min(n, o.max)
	}
	o.out = append(o.out[:0], o.next[:n]...)
	o.next = o.next[n:]
	return o.out
}

// pair is two ends of a loopback socket.
func pair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func within(t testing.TB, c net.Conn) { c.SetDeadline(time.Now().Add(time.Minute)) }

func TestWhatIsPutArrivesInOrderHoweverItIsSent(t *testing.T) {
	a, b := pair(t)
	within(t, b)
	box := &outbox{max: 1000}
	l := New(a, box, Config{})
	defer l.Close(nil)

	var want bytes.Buffer
	rnd := rand.New(rand.NewPCG(1, 2))
	go func() {
		for i := range 5000 {
			piece := bytes.Repeat([]byte{byte(i)}, 1+rnd.IntN(300))
			want.Write(piece)
			box.put(piece)
			if rnd.IntN(2) == 0 {
				l.Wake()
			} else {
				l.Flush()
			}
		}
		l.Drain(time.Now().Add(20 * time.Second))
		l.Close(nil)
	}()
	got, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("got %d bytes, want %d, or in another order", len(got), want.Len())
	}
}

func TestManyWakersShareOneWriter(t *testing.T) {
	a, b := pair(t)
	within(t, b)
	box := &outbox{}
	l := New(a, box, Config{})
	defer l.Close(nil)
	const wakers, each = 8, 500
	for range wakers {
		go func() {
			for range each {
				box.put([]byte{1})
				l.Wake()
			}
		}()
	}
	if _, err := io.ReadFull(b, make([]byte, wakers*each)); err != nil {
		t.Fatal(err)
	}
}

func TestFlushNeverBlocksOnAPeerThatDoesNotRead(t *testing.T) {
	a, b := pair(t)
	box := &outbox{max: 1 << 20}
	l := New(a, box, Config{Stall: time.Hour})
	const total = 64 << 20
	chunk := make([]byte, 1<<20)
	for range total / len(chunk) {
		box.put(chunk)
		l.Flush() // would hang here if it waited for the socket
	}
	within(t, b)
	if _, err := io.ReadFull(b, make([]byte, total)); err != nil {
		t.Fatal(err)
	}
	l.Close(nil)
}

func TestAPeerThatStopsReadingEndsTheLink(t *testing.T) {
	a, _ := pair(t)
	box := &outbox{}
	l := New(a, box, Config{Stall: 10 * time.Millisecond})
	box.put(make([]byte, 64<<20))
	l.Wake()
	<-l.Done()
	if !errors.Is(l.Err(), ErrStalled) {
		t.Fatalf("ended with %v, want ErrStalled", l.Err())
	}
}

// timed is a socket that tells of each deadline it is given.
type timed struct {
	*net.TCPConn
	deadlines chan time.Time
}

func (c timed) SetWriteDeadline(at time.Time) error {
	c.deadlines <- at
	return c.TCPConn.SetWriteDeadline(at)
}

func TestADeadlineThatPassesLaterHarmsNoFlush(t *testing.T) {
	a, b := pair(t)
	conn := timed{a.(*net.TCPConn), make(chan time.Time, 100)}
	box := &outbox{}
	l := New(conn, box, Config{})
	defer l.Close(nil)
	piece := make([]byte, 16<<20)
	box.put(piece)
	l.Wake()
	if at := <-conn.deadlines; at.IsZero() { // the socket is full, and the writer waits
		t.Fatal("there is no end to the wait")
	}
	within(t, b)
	if _, err := io.ReadFull(b, piece); err != nil {
		t.Fatal(err)
	}
	for !(<-conn.deadlines).IsZero() { // until it is taken back
	}
	box.put([]byte{1})
	l.Flush()
	if _, err := io.ReadFull(b, piece[:1]); err != nil || l.Err() != nil {
		t.Fatal(err, l.Err())
	}
}

func TestTheReaderKeepsWhatWasNotConsumed(t *testing.T) {
	a, b := pair(t)
	l := New(a, &outbox{}, Config{})
	defer l.Close(nil)
	sent := make([]byte, 300<<10)
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range sent {
		sent[i] = byte(rnd.Uint32())
	}
	go b.Write(sent)
	within(t, a)
	var got []byte
	for len(got) < len(sent) {
		chunk, err := l.Read()
		if err != nil {
			t.Fatal(err)
		}
		// Consume in odd sizes, and keep the rest for the next read.
		n := len(chunk)
		if n > 7 && len(got)+n < len(sent) {
			n -= 7
		}
		got = append(got, chunk[:n]...)
		l.Keep(chunk[n:])
	}
	if !bytes.Equal(got, sent) {
		t.Fatal("bytes changed on the way")
	}
}

func TestTheReaderHoldsBackNoMoreThanAllowed(t *testing.T) {
	a, b := pair(t)
	l := New(a, &outbox{}, Config{MaxRead: 10 << 10})
	defer l.Close(nil)
	go b.Write(make([]byte, 1<<20))
	within(t, a)
	for {
		chunk, err := l.Read()
		if errors.Is(err, ErrTooLong) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(chunk) > 32<<10 {
			t.Fatalf("%d bytes held", len(chunk))
		}
		l.Keep(chunk)
	}
}

func TestCloseSaysWhyOnce(t *testing.T) {
	a, _ := pair(t)
	l := New(a, &outbox{}, Config{})
	why := errors.New("enough")
	l.Close(why)
	l.Close(errors.New("again"))
	if _, err := l.Read(); err != why || l.Err() != why {
		t.Fatalf("Read: %v, Err: %v", err, l.Err())
	}
}

func TestFlushDoesNotAllocate(t *testing.T) {
	a, b := pair(t)
	go io.Copy(io.Discard, b)
	box := &outbox{next: make([]byte, 0, 1<<20), out: make([]byte, 0, 1<<10)}
	l := New(a, box, Config{})
	defer l.Close(nil)
	piece := make([]byte, 100)
	n := testing.AllocsPerRun(1000, func() {
		box.put(piece)
		box.next = append(box.next[:0:cap(box.next)], box.next...)
		l.Flush()
	})
	if n > 0.1 {
		t.Errorf("%v allocations a flush", n)
	}
}

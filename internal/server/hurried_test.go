package server

import (
	"io"
	"net"
	"testing"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/session"
)

// hurriedConn is a connection whose link has no writer goroutine: it tells whether that would have been woken.
type hurriedConn struct {
	*conn
	peer net.Conn
}

func newHurriedConn(t *testing.T) hurriedConn {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	return hurriedConn{newConn(newBroker(t).server, here, true), there}
}

func (c hurriedConn) puts(items ...item) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for _, it := range items {
		c.out.put(it)
	}
}

func (c hurriedConn) wantNext(t *testing.T, hurried bool, want string) {
	t.Helper()
	if got := string(c.Next(hurried)); got != want {
		t.Fatalf("Next(%v) = %q, want %q", hurried, got, want)
	}
}

// wantWoken looks whether the writer goroutine was told to come, and what it would write.
func (c hurriedConn) wantWoken(t *testing.T, want string) {
	t.Helper()
	sent := make(chan string, 1)
	go func() {
		b := make([]byte, len(want))
		n, _ := io.ReadFull(c.peer, b)
		sent <- string(b[:n])
	}()
	if !c.link.Pump() {
		t.Fatal("the writer goroutine was not woken")
	}
	if got := <-sent; got != want {
		t.Fatalf("the writer goroutine wrote %q, want %q", got, want)
	}
}

// The journal's writer may be in a hurry, and what it waited for would never come:
// a message that has to be read, and the confirm behind it, are the writer goroutine's.
func TestWhoIsInAHurryDoesNotRead(t *testing.T) {
	c := newHurriedConn(t)
	c.puts(item{frames: []byte("before")}, item{paged: &core.Paged{}}, item{frames: []byte("after")})
	c.out.confirming = []*channel{confirmingOne()}
	c.wantNext(t, true, "before")
	c.wantNext(t, true, "")
	if c.out.at != 1 || len(c.out.confirms) != 1 {
		t.Fatalf("at %d, %d confirms: want to stop at the message that has to be read, with the confirm behind it", c.out.at, len(c.out.confirms))
	}
	c.out.batch[c.out.at] = item{frames: []byte("read")}
	c.wantWoken(t, "readafter"+string(appendConfirm(nil, confirm{1, session.Run{Tag: 1}})))
}

func confirmingOne() *channel {
	ch := &channel{number: 1, confirming: true}
	ch.confirms.Ack(0)
	return ch
}

// Nor are consumers resumed by it, for that takes the locks of queues and may bury the dead.
func TestWhoIsInAHurryDoesNotResume(t *testing.T) {
	c := newHurriedConn(t)
	c.puts(item{frames: []byte("last")})
	c.out.pausing = []*core.Consumer{new(core.Consumer)} // of no queue: to resume it would panic
	c.wantNext(t, true, "last")
	if len(c.out.pausing) != 1 || !c.out.relief {
		t.Fatalf("%d are paused, relief %v: want the one, left to the writer goroutine", len(c.out.pausing), c.out.relief)
	}
	c.out.pausing = nil
	c.puts(item{frames: []byte("more")})
	c.wantWoken(t, "more")
}

// Many deliveries are the writer goroutine's, so that the journal goes on.
func TestTheJournalSendsOnlyWhatIsLittle(t *testing.T) {
	c := newHurriedConn(t)
	for range urgentBurst {
		c.puts(item{frames: []byte("x")})
	}
	if !c.out.brief() {
		t.Fatalf("%d items are much", urgentBurst)
	}
	c.puts(item{frames: []byte("x")})
	if c.out.brief() {
		t.Fatalf("%d items are little", urgentBurst+1)
	}
}

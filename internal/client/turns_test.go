package client

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/link"
)

// table is a connection whose bytes are merely counted, by whoever reads them.
type table struct {
	turns *turns
	link  *link.Link
	far   net.Conn
	got   atomic.Int64
	quiet atomic.Bool
	ended chan struct{}
}

type nothing struct{}

func (nothing) Next(bool) []byte { return nil }

func newTable(t *testing.T) *table {
	near, far := net.Pipe()
	x := &table{far: far, link: link.New(near, nothing{}, link.Config{}), ended: make(chan struct{})}
	x.quiet.Store(true)
	x.turns = newTurns(x.link, x.read)
	go func() {
		defer close(x.ended)
		x.turns.run(x.quiet.Load)
	}()
	t.Cleanup(func() {
		x.link.Close(nil)
		<-x.ended
	})
	return x
}

func (x *table) read() error {
	b, err := x.link.Read()
	x.got.Add(int64(len(b)))
	x.link.Keep(nil)
	return err
}

// say is the far side speaking; it returns when somebody has read it.
func (x *table) say() { x.far.Write([]byte{1}) }

func (x *table) has(n int64) func() bool { return func() bool { return x.got.Load() >= n } }

func TestTheReaderRestsWhileSendersReadForThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t)
		// The first sender finds the reader at it.
		synctest.Wait()
		x.turns.readUntil(t.Context(), x.has(1), x.quiet.Load)
		x.say()
		synctest.Wait() // it rests now, for somebody has asked
		start := time.Now()
		for n := int64(2); n < 100; n++ {
			go x.say()
			x.turns.readUntil(t.Context(), x.has(n), x.quiet.Load)
			if !x.has(n)() {
				t.Fatalf("sender %d left the reading to somebody else", n)
			}
		}
		if time.Since(start) != 0 {
			t.Fatal("a sender waited for the reader's rest to be over")
		}
		// Nobody sends any more: the reader comes back by itself.
		x.say()
		synctest.Wait()
		if !x.has(100)() {
			t.Fatal("what was said unasked was not read")
		}
	})
}

func TestARestEndsWhenSomethingIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t)
		synctest.Wait()
		x.turns.readUntil(t.Context(), x.has(1), x.quiet.Load)
		x.say()
		synctest.Wait()
		start := time.Now()
		x.quiet.Store(false)
		x.turns.call()
		x.say()
		synctest.Wait()
		if time.Since(start) != 0 || !x.has(2)() {
			t.Fatalf("read %d of 2 after %v", x.got.Load(), time.Since(start))
		}
	})
}

func TestASenderWhoGivesUpLeavesTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t)
		synctest.Wait()
		x.turns.readUntil(t.Context(), x.has(1), x.quiet.Load)
		x.say()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		x.turns.readUntil(ctx, func() bool { return false }, x.quiet.Load)
		if d := time.Since(start); d != time.Second {
			t.Fatalf("gave up after %v, want 1s", d)
		}
		x.say()
		synctest.Wait()
		if !x.has(2)() {
			t.Fatal("nobody reads any more")
		}
	})
}

func TestTheReaderEndsWithTheLinkWhoeverHasTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t)
		synctest.Wait()
		x.turns.readUntil(t.Context(), x.has(1), x.quiet.Load)
		x.say()
		synctest.Wait()
		go func() {
			time.Sleep(time.Minute)
			x.far.Close()
		}()
		x.turns.readUntil(t.Context(), func() bool { return false }, x.quiet.Load)
		<-x.ended
		if x.link.Err() == nil {
			t.Fatal("the link goes on")
		}
	})
}

// A goodbye that takes too long ends the link over a deadline. That is no sender who gave up.
func TestTheReaderEndsWithALinkThatADeadlineEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTable(t)
		synctest.Wait()
		x.link.Close(os.ErrDeadlineExceeded)
		<-x.ended
	})
}

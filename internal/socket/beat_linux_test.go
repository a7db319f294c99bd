package socket

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestThereIsABeatWhileCallsAreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBeat()
		want := func(on bool) {
			t.Helper()
			synctest.Wait()
			if b.on.Load() != on {
				t.Fatalf("calls may be quick: %v, want %v", !on, on)
			}
		}
		slow := func() bool { // a call while they are rare
			t.Helper()
			want(false)
			return b.begin()
		}
		for range enough - 1 {
			if slow() {
				t.Fatal("begun too soon")
			}
		}
		if !slow() {
			t.Fatalf("not begun after %d calls", enough)
		}
		want(false) // that call has to be made first
		b.begun()
		want(true)
		for range 5 {
			time.Sleep(beatEvery)
			want(true)
			b.often()
		}
		time.Sleep(beatEvery)
		want(true)
		time.Sleep(beatEvery) // none since the last beat
		want(false)
	})
}

// The call that was to begin it has taken so long that the beat is over.
func TestABeatThatIsOverIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBeat()
		for !b.begin() {
		}
		time.Sleep(3 * beatEvery)
		b.begun()
		if b.on.Load() {
			t.Fatal("calls may be quick, and there is no timer")
		}
	})
}

// A process that was woken by quick calls alone, again and again, and rested between, computes: with one processor for all
// goroutines, another gets its turn all the same.
func TestWhoComputesIsInterrupted(t *testing.T) {
	if os.Getenv("POSTRIDER_TEST_PONG") != "" {
		pong(os.Getenv("POSTRIDER_TEST_PONG"))
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	other := exec.Command(self, "-test.run", "^TestWhoComputesIsInterrupted$")
	other.Env = append(os.Environ(), "POSTRIDER_TEST_PONG="+ln.Addr().String())
	other.Stdout, other.Stderr = &said, &said
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		ln.Close()
		if err := other.Wait(); err != nil {
			t.Errorf("the other process: %v\n%s", err, said.String())
		}
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s, buf := Of(conn), make([]byte, 1)
	for range 5 * enough {
		if _, err := s.TryWrite(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	var ran atomic.Bool
	go ran.Store(true)
	for until := time.Now().Add(10 * time.Second); !ran.Load(); {
		if time.Now().After(until) {
			t.Fatal("the other goroutine did not run in ten seconds")
		}
	}
}

// pong answers each byte, and takes its time, so that the other process rests meanwhile.
func pong(addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	for buf := make([]byte, 1); ; {
		if _, err := io.ReadFull(conn, buf); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
		conn.Write(buf)
	}
}

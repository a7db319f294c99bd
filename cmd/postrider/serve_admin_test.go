package main

import (
	"net"
	"testing"
	"time"
)

func dialed(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func listening(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func TestWhoIsGreetedIsServedFirst(t *testing.T) {
	ln := listening(t)
	all := []net.Conn{dialed(t, ln), dialed(t, ln)}
	greeted := greet(ln)
	for i, who := range all {
		c, err := greeted.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.RemoteAddr().String() != who.LocalAddr().String() {
			t.Errorf("accepted %v as number %d, want %v", c.RemoteAddr(), i+1, who.LocalAddr())
		}
	}
}

func TestWhoIsGreetedIsLetGoWhenNobodyServes(t *testing.T) {
	ln := listening(t)
	who := dialed(t, ln)
	if err := greet(ln).Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := who.Read(make([]byte, 1)); n > 0 || err == nil || isTimeout(err) {
		t.Errorf("read %d bytes, %v; want the end", n, err)
	}
	if greet(ln) != ln {
		t.Error("somebody was greeted at a listener that is closed")
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

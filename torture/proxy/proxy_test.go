package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take.
const patience = 20 * time.Second

// echo answers what it is told, on a port of its own.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		conns.Wait()
	})
	return ln.Addr().String()
}

// talk says something and returns what comes back before the end. A connection that was refused while it was being made brings nothing.
func talk(t *testing.T, p *Proxy, say []byte) []byte {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = c.Write(say) }()
	heard := make([]byte, len(say))
	n, err := io.ReadFull(c, heard)
	if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		t.Error("a connection that neither passes anything on nor ends")
	}
	return heard[:n]
}

func proxyTo(t *testing.T, address string) *Proxy {
	t.Helper()
	p, err := Listen(7, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Lead(address)
	return p
}

func TestACalmProxyPassesEverythingOn(t *testing.T) {
	p := proxyTo(t, echo(t))
	say := bytes.Repeat([]byte("all of it "), 100_000)
	if heard := talk(t, p, say); !bytes.Equal(heard, say) {
		t.Errorf("%d bytes came back of %d", len(heard), len(say))
	}
	if n := p.Count(); len(n) != 0 {
		t.Errorf("faults of a calm proxy: %v", n)
	}
}

// What passes is the beginning of what was said, whatever happens; and every kind of fault happens. One in three says so little that most of these end
// by themselves, without which no side would linger.
func TestAProxyThatRages(t *testing.T) {
	p := proxyTo(t, echo(t))
	p.Rage()
	say := bytes.Repeat([]byte("0123456789"), 5000)
	var all sync.WaitGroup
	for i := range 300 {
		say := say
		if i%3 == 0 {
			say = say[:200]
		}
		all.Go(func() {
			if heard := talk(t, p, say); !bytes.HasPrefix(say, heard) {
				t.Errorf("what came back is not what was said: %d bytes", len(heard))
			}
		})
	}
	all.Wait()
	n := p.Count()
	for _, fault := range []string{"refused", "cut", "silent", "delayed", "split", "stalled", "lingering", "doubled"} {
		if n[fault] == 0 {
			t.Errorf("no connection was %s: %v", fault, n)
		}
	}
	p.Calm()
	if heard := talk(t, p, say); !bytes.Equal(heard, say) {
		t.Errorf("%d bytes came back of %d when it was calm again", len(heard), len(say))
	}
}

func TestAProxyThatLeadsNowhere(t *testing.T) {
	p := proxyTo(t, "")
	if heard := talk(t, p, []byte("anybody?")); len(heard) > 0 {
		t.Errorf("%q came from nowhere", heard)
	}
}

package evaluation

import (
	"context"
	"io"
	"net"
	"sync"
)

// A breaker stands between senders and their target, and breaks connections when it is told to.
type breaker struct {
	mu        sync.Mutex
	listeners []net.Listener
	conns     map[net.Conn]bool
	broken    bool
}

func newBreaker() *breaker { return &breaker{conns: map[net.Conn]bool{}} }

// through listens for connections to an address, and says where.
func (b *breaker) through(ctx context.Context, address string) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	b.listeners = append(b.listeners, ln)
	b.mu.Unlock()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go b.join(ctx, c, address)
		}
	}()
	return ln.Addr().String(), nil
}

// join joins a connection to one to the address, unless connections are broken.
func (b *breaker) join(ctx context.Context, c net.Conn, address string) {
	defer c.Close()
	if !b.enter(c) {
		return
	}
	defer b.leave(c)
	to, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	if !b.enter(to) {
		return
	}
	defer b.leave(to)
	go func() {
		_, _ = io.Copy(to, c)
		to.Close()
		c.Close()
	}()
	_, _ = io.Copy(c, to)
}

func (b *breaker) enter(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.broken {
		b.conns[c] = true
	}
	return !b.broken
}

func (b *breaker) leave(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
}

// cut breaks all connections, and those that are made until mend.
func (b *breaker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = true
	for c := range b.conns {
		c.Close()
	}
}

func (b *breaker) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = false
}

// close ends it.
func (b *breaker) close() {
	b.cut()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ln := range b.listeners {
		ln.Close()
	}
}

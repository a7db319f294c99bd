package postridertest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// place is a listener of the network.
type place struct {
	net     *Network
	name    string
	backlog chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// connect makes a connection from who has the name to here.
func (p *place) connect(ctx context.Context, from string) (net.Conn, error) {
	l := newLine(p.net, from, p.name)
	select {
	case p.backlog <- accepted{l.ends[1]}:
	case <-p.closed:
		return nil, fmt.Errorf("dial %s: %w", Address(p.name), ErrRefused)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.net.parted(from, p.name) { // meanwhile
		l.hangUp()
		return nil, noRoute(from, p.name)
	}
	l.net.lines[l] = struct{}{}
	l.mute.Store(l.net.mute[from] != nil || l.net.mute[p.name] != nil)
	return l.ends[0], nil
}

func (p *place) Accept() (net.Conn, error) {
	select {
	case c := <-p.backlog:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *place) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.net.mu.Lock()
		defer p.net.mu.Unlock()
		if p.net.places[Address(p.name)] == p {
			delete(p.net.places, Address(p.name))
		}
	})
	return nil
}

func (p *place) Addr() net.Addr { return address(Address(p.name)) }

// accepted is the other end. It comes from this host, as far as a broker can see, which lets guest in.
type accepted struct{ *end }

func (accepted) RemoteAddr() net.Addr { return address("127.0.0.1:1") }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

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
	ours, theirs := net.Pipe()
	select {
	case p.backlog <- accepted{theirs}:
	case <-p.closed:
		return nil, fmt.Errorf("dial %s: %w", Address(p.name), ErrRefused)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c := &conn{Conn: ours, net: p.net, from: from, to: p.name}
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.net.conns[c] = struct{}{}
	return c, nil
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

// conn is the dialler's end of a connection.
type conn struct {
	net.Conn
	net      *Network
	from, to string
}

func (c *conn) Close() error {
	c.net.mu.Lock()
	delete(c.net.conns, c)
	c.net.mu.Unlock()
	return c.Conn.Close()
}

// accepted is the other end. It comes from this host, as far as a broker can see, which lets guest in.
type accepted struct{ net.Conn }

func (accepted) RemoteAddr() net.Addr { return address("127.0.0.1:1") }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

package behaviour

import (
	"context"
	"errors"
	"net"
	"sync"
)

// A Network is a handful of addresses in memory. Its connections are pipes, and look like connections from this host.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*Listener
}

// NewNetwork returns one without addresses.
func NewNetwork() *Network { return &Network{listeners: map[string]*Listener{}} }

// A Listener is a [net.Listener] at one address.
type Listener struct {
	network *Network
	address string
	backlog chan net.Conn
	closed  chan struct{}
	once    sync.Once

	mu    sync.Mutex
	conns []net.Conn
}

// Listen takes an address.
func (n *Network) Listen(address string) *Listener {
	l := &Listener{network: n, address: address, backlog: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.listeners[address] = l
	n.mu.Unlock()
	return l
}

// Accept is that of [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close gives the address up. Connections stay.
func (l *Listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		if l.network.listeners[l.address] == l {
			delete(l.network.listeners, l.address)
		}
		l.network.mu.Unlock()
	})
	return nil
}

// Addr is the address.
func (l *Listener) Addr() net.Addr { return address(l.address) }

// Cut breaks the connections that are open.
func (l *Listener) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

var errRefused = errors.New("connection refused")

// Dial connects to an address.
func (n *Network) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, errRefused
	}
	ours, theirs := net.Pipe()
	select {
	case l.backlog <- local{theirs}:
	case <-l.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	l.conns = append(l.conns, ours)
	l.mu.Unlock()
	return ours, nil
}

// local is a connection from this host, as far as the broker can see.
type local struct{ net.Conn }

func (local) RemoteAddr() net.Addr { return address("127.0.0.1:1") }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

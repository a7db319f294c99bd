package postridertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// Network is a handful of nodes and brokers that reach each other by name, through pipes in memory that hold as much as sockets do. Any
// goroutine may use it, but where it can fail the test, as Node can: that is for the goroutine of the test.
type Network struct {
	t     testing.TB
	names []string

	mu     sync.Mutex
	places map[string]*place
	away   map[string]bool
	apart  map[[2]string]bool
	mute   map[string]chan struct{} // closed by Unmute
	late   map[string]time.Duration
	record *Recorder // of the nodes that start from now on; nil: none
	lines  map[*line]struct{}
}

// New returns a network that nobody is in yet. names are the nodes that shall know each other as peers.
func New(t testing.TB, names ...string) *Network {
	n := &Network{
		t:      t,
		names:  names,
		places: make(map[string]*place),
		away:   make(map[string]bool),
		apart:  make(map[[2]string]bool),
		mute:   make(map[string]chan struct{}),
		late:   make(map[string]time.Duration),
		lines:  make(map[*line]struct{}),
	}
	t.Cleanup(n.CutAll) // after the nodes: what hangs on a mute line ends
	return n
}

// Node starts a node that listens under its name. change may alter its configuration before. When the node
// does not start, the test fails.
func (n *Network) Node(name string, change ...func(*postrider.Config)) *postrider.Node {
	n.t.Helper()
	cfg := postrider.Config{
		Name:   name,
		Peers:  make(map[string]string),
		Dial:   n.Dialer(name),
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, peer := range n.names {
		if peer != name {
			cfg.Peers[peer] = Address(peer)
		}
	}
	for _, do := range change {
		do(&cfg)
	}
	if r := n.recorder(); r != nil {
		r.Watch(&cfg)
	}
	if cfg.Listener == nil && cfg.Listen == "" {
		cfg.Listener = n.Listen(name)
	}
	node, err := postrider.Start(n.t.Context(), cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { node.Close() })
	return node
}

// Record returns what notes, from now on, what happens to the messages of nodes that are started after it: the same at each call.
func (n *Network) Record() *Recorder {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.record == nil {
		n.record = NewRecorder(n.t)
	}
	return n.record
}

func (n *Network) recorder() *Recorder {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.record
}

// Address is where who listens under a name can be dialled.
func Address(name string) string { return name + ":1" }

// Listen takes a name for who accepts connections under it. A name that is taken passes to the new listener, as the address
// of a machine does that was replaced.
func (n *Network) Listen(name string) net.Listener {
	p := &place{net: n, name: name, backlog: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.places[Address(name)] = p
	return p
}

// Dialer opens connections as the one of that name, for [postrider.Config.Dial].
func (n *Network) Dialer(name string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		p, err := n.reach(ctx, name, address)
		if err != nil {
			return nil, err
		}
		return p.connect(ctx, name)
	}
}

// Reasons why a connection cannot be made or went.
var (
	// ErrRefused: nobody listens there.
	ErrRefused = errors.New("connection refused")
	// ErrNoRoute: see [Network.Isolate] and [Network.Split].
	ErrNoRoute = errors.New("no route to host")
)

func (n *Network) reach(ctx context.Context, from, address string) (*place, error) {
	if err := n.heard(ctx, from, address); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.places[address]
	switch {
	case p == nil:
		return nil, fmt.Errorf("dial %s: %w", address, ErrRefused)
	case n.parted(from, p.name):
		return nil, noRoute(from, p.name)
	}
	return p, nil
}

// parted reports whether one cannot reach the other. The caller holds mu.
func (n *Network) parted(from, to string) bool {
	return n.away[from] || n.away[to] || n.apart[pair(from, to)]
}

func noRoute(from, to string) error {
	return fmt.Errorf("dial %s from %s: %w", Address(to), from, ErrNoRoute)
}

// heard waits while one of the two is mute: who dials gets no answer.
func (n *Network) heard(ctx context.Context, from, address string) error {
	for _, name := range []string{from, strings.TrimSuffix(address, Address(""))} {
		n.mu.Lock()
		mute := n.mute[name]
		n.mu.Unlock()
		if mute == nil {
			continue
		}
		select {
		case <-mute:
		case <-ctx.Done():
			return fmt.Errorf("dial %s from %s: %w", address, from, ctx.Err())
		}
	}
	return nil
}

func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// A network is a handful of addresses in memory. Its connections are pipes.
type network struct {
	t *testing.T

	mu        sync.Mutex
	listeners map[string]*listener
}

// inMemory runs a test in a bubble of its own time, with a network. Whatever it starts has to
// have ended when it ends: the bubble sees to that.
func inMemory(t *testing.T, tell func(t *testing.T, net *network)) {
	synctest.Test(t, func(t *testing.T) {
		tell(t, &network{t: t, listeners: make(map[string]*listener)})
	})
}

type listener struct {
	net     *network
	address string
	backlog chan net.Conn
	closed  chan struct{}
	once    sync.Once

	mu    sync.Mutex
	conns []net.Conn
}

func (n *network) listen(address string) *listener {
	l := &listener{net: n, address: address, backlog: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.listeners[address] = l
	n.mu.Unlock()
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		if l.net.listeners[l.address] == l {
			delete(l.net.listeners, l.address)
		}
		l.net.mu.Unlock()
	})
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.address) }

// cut breaks the connections that are open.
func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

var errRefused = errors.New("connection refused")

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
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

// node starts a node at the address <name>:1 that knows where the others are.
func (n *network) node(name string, change ...func(*postrider.Config)) *postrider.Node {
	n.t.Helper()
	cfg := postrider.Config{
		Name:   name,
		Peers:  map[string]string{},
		Dial:   n.dial,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, peer := range []string{"alice", "bob", "carol"} {
		if peer != name {
			cfg.Peers[peer] = peer + ":1"
		}
	}
	for _, do := range change {
		do(&cfg)
	}
	if cfg.Listener == nil {
		cfg.Listener = n.listen(name + ":1")
	}
	node, err := postrider.Start(n.t.Context(), cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { node.Close() })
	return node
}

// broker serves a broker at mq:1 and returns what ends it.
func (n *network) broker() (*broker.Broker, *listener) {
	n.t.Helper()
	b, err := broker.Open(broker.Config{})
	if err != nil {
		n.t.Fatal(err)
	}
	l := n.listen("mq:1")
	go b.Serve(l)
	n.t.Cleanup(func() { b.Close() })
	return b, l
}

func onBroker(cfg *postrider.Config) { cfg.Brokers = []string{"amqp://mq:1"} }

// within is a context that ends after d of the bubble's time.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// collect handles what comes to a target and passes it on.
func collect(t *testing.T, n *postrider.Node, target *postrider.Target) <-chan *postrider.Message {
	t.Helper()
	got := make(chan *postrider.Message, 10000)
	err := n.Handle(t.Context(), target, func(_ context.Context, m *postrider.Message) error {
		got <- m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantBody(t *testing.T, got <-chan *postrider.Message, body string) *postrider.Message {
	t.Helper()
	select {
	case m := <-got:
		if string(m.Body) != body {
			t.Fatalf("received %q, want %q", m.Body, body)
		}
		return m
	case <-time.After(time.Hour):
		t.Fatalf("%q did not come", body)
		return nil
	}
}

func wantNone(t *testing.T, got <-chan *postrider.Message) {
	t.Helper()
	synctest.Wait()
	select {
	case m := <-got:
		t.Fatalf("received %q, want nothing", m.Body)
	default:
	}
}

// fate checks how a send ended.
func fate(t *testing.T, err error, maybe bool, causes ...error) *postrider.SendError {
	t.Helper()
	var failed *postrider.SendError
	if !errors.As(err, &failed) {
		t.Fatalf("%v (%T) is no SendError", err, err)
	}
	if failed.MaybeDelivered != maybe {
		t.Errorf("MaybeDelivered %v, want %v: %v", failed.MaybeDelivered, maybe, err)
	}
	for _, cause := range causes {
		if !errors.Is(err, cause) {
			t.Errorf("%v is not %v", err, cause)
		}
	}
	if failed.ID == "" || failed.Target == "" {
		t.Errorf("no id or target: %+v", failed)
	}
	return failed
}

func post(t *testing.T, target *postrider.Target, body string) *postrider.Receipt {
	t.Helper()
	rc, err := target.Post(t.Context(), body)
	if err != nil {
		t.Fatal(err)
	}
	return rc
}

func wantGrade(t *testing.T, rc *postrider.Receipt, want postrider.Grade) {
	t.Helper()
	g, err := rc.Wait(within(t, time.Hour))
	if g != want || err != nil {
		t.Fatal(fmt.Sprint("grade ", g, ", ", err))
	}
}

package behaviour

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

// A Stage is where stories are told.
type Stage struct {
	Brokers []string // their URLs; none: mailboxes are embedded in the one node that uses them
	Listen  func(name string) (net.Listener, error)
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	// Patience is how long anything may take before it counts as a hang.
	Patience time.Duration
}

// Loopback returns a stage of real sockets.
func Loopback(brokers ...string) *Stage {
	return &Stage{
		Brokers:  brokers,
		Listen:   func(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
		Dial:     (&net.Dialer{}).DialContext,
		Patience: time.Minute,
	}
}

// Tell tells all stories at once, each in a test of its own, and waits for none of them.
func (s *Stage) Tell(t *testing.T) {
	for _, story := range Stories {
		if story.Shared && len(s.Brokers) == 0 {
			continue
		}
		t.Run(strings.ReplaceAll(story.Name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			story.Tell(NewWorld(t, s))
		})
	}
}

// A World is what one story is about: nodes, mailboxes of its own, and connections that it can cut.
type World struct {
	*testing.T
	*Stage

	mark  string // in the names of its mailboxes
	mu    sync.Mutex
	where map[string]string // the addresses of nodes
	wires map[net.Conn]struct{}
}

// NewWorld returns an empty world. What is started in it ends with the test.
func NewWorld(t *testing.T, s *Stage) *World {
	return &World{
		T: t, Stage: s,
		mark:  fmt.Sprintf(".%x", time.Now().UnixNano()),
		where: map[string]string{},
		wires: map[net.Conn]struct{}{},
	}
}

// Unique is the name of a mailbox that only this world uses.
func (w *World) Unique(name string) string { return name + w.mark }

// Node starts a node that knows those that were started before.
func (w *World) Node(name string, change ...func(*postrider.Config)) *postrider.Node {
	w.Helper()
	ln, err := w.Listen(name)
	if err != nil {
		w.Fatal(err)
	}
	return w.node(name, ln, change...)
}

// Nodes starts nodes that know each other.
func (w *World) Nodes(names ...string) []*postrider.Node {
	w.Helper()
	listeners := make([]net.Listener, len(names))
	for i, name := range names {
		var err error
		if listeners[i], err = w.Listen(name); err != nil {
			w.Fatal(err)
		}
		w.where[name] = listeners[i].Addr().String()
	}
	nodes := make([]*postrider.Node, len(names))
	for i, name := range names {
		nodes[i] = w.node(name, listeners[i])
	}
	return nodes
}

func (w *World) node(name string, ln net.Listener, change ...func(*postrider.Config)) *postrider.Node {
	w.Helper()
	w.where[name] = ln.Addr().String()
	cfg := postrider.Config{
		Name: name, Listener: ln, Brokers: w.Brokers, Peers: map[string]string{},
		Dial: w.dial, Logger: slog.New(slog.DiscardHandler),
	}
	for peer, at := range w.where {
		if peer != name {
			cfg.Peers[peer] = at
		}
	}
	for _, do := range change {
		do(&cfg)
	}
	n, err := postrider.Start(w.Context(), cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { n.Close() })
	return n
}

// Pair returns who fills mailboxes and who works on them: two nodes where they can share one.
func (w *World) Pair() (producer, worker *postrider.Node) {
	w.Helper()
	if len(w.Brokers) == 0 {
		n := w.Node("alice")
		return n, n
	}
	return w.Node("alice"), w.Node("bob")
}

// dial keeps the connections, so that they can be cut.
func (w *World) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := w.Stage.Dial(ctx, network, address)
	if err == nil {
		w.mu.Lock()
		w.wires[c] = struct{}{}
		w.mu.Unlock()
	}
	return c, err
}

// Cut breaks all connections that nodes of this world have made.
func (w *World) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.wires {
		c.Close()
	}
	clear(w.wires)
}

// Soon is a context that lasts as long as patience does.
func (w *World) Soon() context.Context { return w.Within(w.Patience) }

// Within is a context with a deadline.
func (w *World) Within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	w.Cleanup(cancel)
	return ctx
}

// Send sends and wants it to succeed.
func (w *World) Send(target *postrider.Target, body any, opts ...postrider.SendOption) {
	w.Helper()
	if err := target.Send(w.Soon(), body, opts...); err != nil {
		w.Fatal(err)
	}
}

// Post posts and wants it to be accepted.
func (w *World) Post(target *postrider.Target, body any, opts ...postrider.SendOption) *postrider.Receipt {
	w.Helper()
	r, err := target.Post(w.Soon(), body, opts...)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// Grade wants a receipt to end well.
func (w *World) Grade(r *postrider.Receipt, want postrider.Grade) {
	w.Helper()
	if got, err := r.Wait(w.Soon()); got != want || err != nil {
		w.Errorf("grade %v, %v; want %v", got, err, want)
	}
}

// Handle handles a target until the test ends.
func (w *World) Handle(n *postrider.Node, target *postrider.Target, h postrider.Handler, opts ...postrider.HandleOption) {
	w.Helper()
	if err := n.Handle(w.Context(), target, h, opts...); err != nil {
		w.Fatal(err)
	}
}

// Collect handles a target and passes on what comes.
func (w *World) Collect(n *postrider.Node, target *postrider.Target) <-chan *postrider.Message {
	w.Helper()
	got := make(chan *postrider.Message, 10000)
	w.Handle(n, target, func(_ context.Context, m *postrider.Message) error {
		got <- m
		return nil
	})
	return got
}

// Next waits for something.
func Next[T any](w *World, from <-chan T, what string) T {
	w.Helper()
	select {
	case v := <-from:
		return v
	case <-w.Soon().Done():
		w.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// Want waits for messages with these bodies, in this order, and returns the last.
func (w *World) Want(got <-chan *postrider.Message, bodies ...string) (m *postrider.Message) {
	w.Helper()
	for _, body := range bodies {
		if m = Next(w, got, body); string(m.Body) != body {
			w.Fatalf("received %.80q, want %.80q", m.Body, body)
		}
	}
	return m
}

// Last sends one more message and wants it to be the next that comes.
func (w *World) Last(from *postrider.Target, got <-chan *postrider.Message) {
	w.Helper()
	w.Send(from, "the last")
	w.Want(got, "the last")
}

// Fate checks how a send ended.
func (w *World) Fate(err error, maybe bool, causes ...error) {
	w.Helper()
	var failed *postrider.SendError
	if !errors.As(err, &failed) {
		w.Fatalf("%v (%T) is no SendError", err, err)
	}
	if failed.MaybeDelivered != maybe || failed.ID == "" || failed.Target == "" {
		w.Errorf("%+v, want MaybeDelivered %v", failed, maybe)
	}
	for _, cause := range causes {
		if !errors.Is(err, cause) {
			w.Errorf("%v is not %v", err, cause)
		}
	}
}

// Remote checks for the other side's refusal.
func (w *World) Remote(err error, code int, reason string) {
	w.Helper()
	var remote *postrider.RemoteError
	if !errors.As(err, &remote) || remote.Code != code || !strings.Contains(remote.Reason, reason) {
		w.Errorf("%v is no RemoteError with code %d and %q", err, code, reason)
	}
}

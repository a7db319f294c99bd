package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

// A network is one of package postridertest on which alice, bob and carol know each other.
type network struct {
	*postridertest.Network
	t *testing.T
}

// inMemory runs a test in a bubble of its own time, with a network. Whatever it starts has to
// have ended when it ends: the bubble sees to that.
func inMemory(t *testing.T, tell func(t *testing.T, net *network)) {
	synctest.Test(t, func(t *testing.T) {
		tell(t, &network{postridertest.New(t, "alice", "bob", "carol"), t})
	})
}

// node starts a node.
func (n *network) node(name string, change ...func(*postrider.Config)) *postrider.Node {
	n.t.Helper()
	return n.Node(name, change...)
}

// A listener can break the connections of its address.
type listener struct {
	net.Listener
	on   *network
	name string
}

// listen takes an address, which ends in :1.
func (n *network) listen(address string) *listener {
	name := strings.TrimSuffix(address, ":1")
	return &listener{n.Listen(name), n, name}
}

func (l *listener) cut() { l.on.Cut(l.name) }

// broker serves a broker at mq:1 and returns what ends it.
func (n *network) broker() (*broker.Broker, *listener) {
	n.t.Helper()
	return n.Broker("mq").Broker, &listener{nil, n, "mq"}
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

func post(t *testing.T, target *postrider.Target, body string, opts ...postrider.SendOption) *postrider.Receipt {
	t.Helper()
	rc, err := target.Post(t.Context(), body, opts...)
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

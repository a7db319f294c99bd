package postrider_test

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// Who starts and closes nodes all day has no more memory than the nodes need that are open: nothing keeps a closed one, nor a timer that is still to ring.
func TestAClosedNodeIsForgotten(t *testing.T) {
	mq, err := broker.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go mq.Serve(ln)
	var nodes []<-chan struct{}
	for _, brokers := range [][]string{nil, {"amqp://" + ln.Addr().String()}} {
		nodes = append(nodes, lifeOfANode(t, brokers))
	}
	forgotten(t, "a node of its own", nodes[0])
	forgotten(t, "a node with a broker", nodes[1])
	was := remembered(mq)
	if err := mq.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	mq = nil
	forgotten(t, "a broker", was)
}

// lifeOfANode has a node do everything once, and closes it.
func lifeOfANode(t *testing.T, brokers []string) <-chan struct{} {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n, err := postrider.Start(ctx, postrider.Config{Name: "bob", Listen: "127.0.0.1:0", Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	at := []*postrider.Target{n.Inbox(), n.Mailbox("jobs"), n.Mailbox("parts", postrider.Partitions(2)), n.Topic("news")}
	for _, target := range at {
		if err := n.Handle(ctx, target, func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, "yes") }); err != nil {
			t.Fatal(err)
		}
	}
	at[0] = n.Peer("bob")
	for _, target := range at {
		if _, err := postrider.Call[string](ctx, target, "here?"); err != nil {
			t.Error(target, err)
		}
		r, err := target.Post(ctx, "x", postrider.Until(postrider.Handled), postrider.Expires(time.Hour))
		if err != nil {
			t.Fatal(target, err)
		}
		if _, err := r.Wait(ctx); err != nil {
			t.Error(target, err)
		}
	}
	if err := n.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	return remembered(n)
}

// remembered returns a channel that is closed when nothing keeps what p points to.
func remembered[T any](p *T) <-chan struct{} {
	gone := make(chan struct{})
	runtime.AddCleanup(p, func(gone chan struct{}) { close(gone) }, gone)
	return gone
}

func forgotten(t *testing.T, what string, gone <-chan struct{}) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); { // pools keep what they have through some collections
		runtime.GC()
		select {
		case <-gone:
			return
		default:
			runtime.Gosched() // goroutines that have yet to end
		}
	}
	t.Errorf("%s is closed, and still kept", what)
}

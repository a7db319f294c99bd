package postrider_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// Peers come and go all year, each by a name of its own, and are answered. What the node has of them is what is there at a time.
func TestAPeerThatIsFoundIsForgotten(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		shop := net.node("shop", onBroker)
		answer := func(_ context.Context, m *postrider.Message) error {
			_, err := shop.Peer(m.From).Post(t.Context(), "thank you")
			return err
		}
		if err := shop.Handle(t.Context(), shop.Inbox(), answer); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			guest := net.node(fmt.Sprint("guest", i), onBroker)
			got := collect(t, guest, guest.Inbox())
			if err := guest.Peer("shop").Send(within(t, time.Minute), "a lamp"); err != nil {
				t.Fatal(err)
			}
			wantBody(t, got, "thank you")
			if _, err := guest.Peer("shop").Ping(within(t, time.Minute)); err != nil {
				t.Error(err)
			}
			if i == 0 {
				back := shop.Peer(guest.Name())
				wantPeers(t, shop, 1, func() { runtime.KeepAlive(back) })
			}
			guest.Shutdown(t.Context())
		}
		wantPeers(t, shop, 0, func() {})
		again := net.node("guest0", onBroker)
		got := collect(t, again, again.Inbox())
		if err := shop.Peer("guest0").Send(within(t, time.Minute), "welcome back"); err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "welcome back")
	})
}

// What was posted to somebody who is not there keeps the way to him, though nobody has the target or the receipt any more.
func TestAPeerForWhomSomethingWaitsIsNotForgotten(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		post(t, alice.Peer("dave"), "are you there?")
		wantPeers(t, alice, 1, func() {})
		dave := net.node("dave", onBroker)
		wantBody(t, collect(t, dave, dave.Inbox()), "are you there?")
		wantPeers(t, alice, 0, func() {})
	})
}

// wantPeers lets an hour go by, in which the node is to come to have connections to so many peers.
func wantPeers(t *testing.T, n *postrider.Node, want int, after func()) {
	t.Helper()
	has := func() (peers int) {
		for _, c := range n.Stats().Connections {
			if c.Purpose == "peer" {
				peers++
			}
		}
		return peers
	}
	for range 60 {
		runtime.GC()
		time.Sleep(time.Minute)
	}
	for range 1000 { // what the collector has found is told of by another goroutine, by the clock on the wall
		if has() <= want {
			break
		}
		runtime.GC()
		time.Sleep(time.Minute)
	}
	if got := has(); got != want {
		t.Errorf("connections to %d peers, want %d", got, want)
	}
	after()
}

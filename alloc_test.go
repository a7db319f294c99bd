package postrider_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// What a message may cost, in allocations of both sides together.
const (
	ofAPost = 2.4  // the receipt, and parts of what messages that come together share; one more where the body is a []byte that is not pointed to
	ofASeal = 4.2  // more: what is sealed, what is opened, what is known of it, and a Message that is alone, as that of every larger one is
	ofASend = 6.2  // its content, and the broker's and the receiver's message
	ofACall = 13.5 // two messages, and the answer
)

// allocations measures what do allocates in the whole process, its goroutines and both nodes
// included, for each of n messages.
func allocations(n int, do func(n int)) float64 {
	do(n / 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do(n)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}

// wantAllocations checks them for one of what do makes n of.
func wantAllocations(t *testing.T, what string, most float64, n int, do func(n int)) {
	t.Helper()
	got := allocations(n, do)
	t.Logf("%.2f allocations a %s, from end to end", got, what)
	if got > most {
		t.Errorf("%.2f allocations a %s, want at most %v", got, what, most)
	}
}

// A post, its way through two nodes in this process, and its handling.
func TestAllocationsOfAPostFromEndToEnd(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	alice, bob := pair(t)
	allocationsOfAPost(t, alice, bob, ofAPost)
}

func TestAllocationsOfASealedPost(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	alice, bob := sealedPair(t)
	allocationsOfAPost(t, alice, bob, ofAPost+ofASeal)
}

// sealedPair is pair, where nothing is plain.
func sealedPair(t testing.TB) (alice, bob *postrider.Node) {
	keys := postridertest.NewKeys(t, "peer:bob")
	bob = start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0", Keys: keys.Of("bob")})
	alice = start(t, postrider.Config{Name: "alice", Peers: map[string]string{"bob": bob.Addr().String()}, Keys: keys.Of("alice")})
	return alice, bob
}

func allocationsOfAPost(t *testing.T, alice, bob *postrider.Node, most float64) {
	t.Helper()
	ctx := soon(t)
	done := make(chan struct{}, 100)
	count := 0
	want := 0
	bob.Handle(ctx, bob.Inbox(), func(context.Context, *postrider.Message) error {
		if count++; count == want {
			done <- struct{}{}
		}
		return nil
	})
	body := make([]byte, 100)
	wantAllocations(t, "message", most, 20_000, func(n int) {
		want += n
		for range n {
			if _, err := alice.Peer("bob").Post(ctx, &body); err != nil {
				t.Fatal(err)
			}
		}
		<-done
	})
}

func TestAllocationsOfASend(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	alice, bob := pair(t)
	ctx := soon(t)
	bob.Handle(ctx, bob.Inbox(), func(context.Context, *postrider.Message) error { return nil })
	body := any(make([]byte, 100))
	target := alice.Peer("bob")
	wantAllocations(t, "message", ofASend, 2_000, func(n int) {
		for range n {
			if err := target.Send(ctx, body); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAllocationsOfACall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	alice, bob := pair(t)
	ctx := context.Background()
	bob.Handle(ctx, bob.Inbox(), func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, m.Body) })
	body := any(make([]byte, 100))
	target := alice.Peer("bob")
	wantAllocations(t, "call", ofACall, 2_000, func(n int) {
		for range n {
			if _, err := postrider.Call[[]byte](ctx, target, body); err != nil {
				t.Fatal(err)
			}
		}
	})
}

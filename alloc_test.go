package postrider_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/postrider-mq/postrider"
)

const maxAllocations = 6.5

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

// A post, its way through two nodes in this process, and its handling: the receipt and the body's
// interface on one side; the frame's content, the broker's message and Message on the other.
func TestAllocationsOfAPostFromEndToEnd(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	alice, bob := pair(t)
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
	got := allocations(20_000, func(n int) {
		want += n
		for range n {
			if _, err := alice.Peer("bob").Post(ctx, body); err != nil {
				t.Fatal(err)
			}
		}
		<-done
	})
	t.Logf("%.2f allocations a message, from end to end", got)
	if got > maxAllocations {
		t.Errorf("%.2f allocations a message, want at most %v", got, maxAllocations)
	}
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
	got := allocations(2_000, func(n int) {
		for range n {
			if err := target.Send(ctx, body); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Logf("%.2f allocations a message, from end to end", got)
	if got > maxAllocations {
		t.Errorf("%.2f allocations a message, want at most %v", got, maxAllocations)
	}
}

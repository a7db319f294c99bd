package coord_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/coord"
	"github.com/postrider-mq/postrider/postridertest"
)

// Numbers and values stay in the memory of a node without brokers until it ends. That is no message which nobody has handled: its Shutdown neither waits
// for it nor tells of it.
func TestAShutdownDoesNotWaitForWhatIsHeld(t *testing.T) {
	for name, use := range map[string]func(ctx context.Context, t *testing.T, n *postrider.Node){
		"a lock that was released": func(ctx context.Context, t *testing.T, n *postrider.Node) { acquire(t, n, "l").Release() },
		"a lock":                   func(ctx context.Context, t *testing.T, n *postrider.Node) { acquire(t, n, "l") },
		"a lock, and somebody waits": func(ctx context.Context, t *testing.T, n *postrider.Node) {
			acquire(t, n, "l")
			go coord.NewLock(n, "l").Acquire(ctx)
		},
		"a value": func(ctx context.Context, t *testing.T, n *postrider.Node) {
			if _, err := coord.NewValue[int](n, "v").Set(ctx, 1); err != nil {
				t.Fatal(err)
			}
		},
		"a value that is watched": func(ctx context.Context, t *testing.T, n *postrider.Node) {
			go func() {
				for range coord.NewValue[int](n, "v").Watch(ctx) {
				}
			}()
		},
		"an election": func(ctx context.Context, t *testing.T, n *postrider.Node) {
			for range 2 {
				go coord.NewElection(n, "e").Lead(ctx, func(ctx context.Context, _ uint64) error { <-ctx.Done(); return ctx.Err() })
			}
		},
		"a barrier": func(ctx context.Context, t *testing.T, n *postrider.Node) { go coord.NewBarrier(n, "b", 2).Wait(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := postridertest.New(t).Node("c") // as the names of mailboxes here begin, too
				use(t.Context(), t, n)
				time.Sleep(time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := n.Shutdown(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

package postrider_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/disk"
)

// stuckDisk is a disk that does not answer, once it is stuck, before goOn is closed.
func stuckDisk(stuck *atomic.Bool, goOn <-chan struct{}) disk.FS {
	return disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if stuck.Load() && (op.Kind == disk.OpSync || op.Kind == disk.OpWrite) {
			<-goOn
		}
		return nil
	}, nil)
}

// Disks that do not answer keep nobody who closes a node: he learns what is not safe.
func TestANodeIsClosedThoughItsDisksDoNotAnswer(t *testing.T) {
	for what, end := range map[string]func(*postrider.Node) (time.Duration, error){
		"Close": func(n *postrider.Node) (time.Duration, error) { return 35 * time.Second, n.Close() },
		"Shutdown": func(n *postrider.Node) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return 12 * time.Second, n.Shutdown(ctx) // a second for the disk, and one for what was handled to be noted
		},
	} {
		t.Run(what, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				dir := t.TempDir()
				alice := net.node("alice", onBroker, func(cfg *postrider.Config) { cfg.Dir = dir })
				var stuck atomic.Bool
				goOn := make(chan struct{})
				if err := postrider.OnDisks(alice, stuckDisk(&stuck, goOn), stuckDisk(&stuck, goOn)); err != nil {
					t.Fatal(err)
				}
				stuck.Store(true)
				got := collect(t, alice, alice.Inbox())
				if err := alice.Inbox().Send(t.Context(), "handled"); err != nil {
					t.Fatal(err)
				}
				wantBody(t, got, "handled")
				net.Cut("mq")
				net.Mute("alice")
				post(t, alice.Mailbox("jobs"), "x")
				synctest.Wait()
				began := time.Now()
				bound, err := end(alice)
				if took := time.Since(began); took > bound {
					t.Errorf("it took %v", took)
				}
				if err == nil || !strings.Contains(err.Error(), "outbox: mem: could not be closed, for its disk does not answer: 1 record is not known to be safe") {
					t.Error(err)
				}
				if err := alice.Close(); err != nil {
					t.Error(err)
				}
				close(goOn)
				synctest.Wait()
				net.Unmute("alice")
			})
		})
	}
}

package broker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/disk"
)

// TestAWaitForTheDiskEndsWithItsContext changes things while the disk takes an hour to sync.
func TestAWaitForTheDiskEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := false
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if slow && op.Kind == disk.OpSync {
				time.Sleep(time.Hour)
			}
			return nil
		}, nil)
		b := openOn(t, fs)
		c := dial(t, b)
		declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
		if err := c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: "x", Kind: "fanout", Durable: true}); err != nil {
			t.Fatal(err)
		}
		slow = true
		for what, change := range map[string]func(context.Context) error{
			"declare queue": func(ctx context.Context) error {
				_, err := c.DeclareQueue(ctx, broker.QueueOptions{Name: "r", Durable: true})
				return err
			},
			"delete queue": func(ctx context.Context) error { _, err := c.DeleteQueue(ctx, "r"); return err },
			"declare exchange": func(ctx context.Context) error {
				return c.DeclareExchange(ctx, broker.ExchangeOptions{Name: "y", Kind: "fanout", Durable: true})
			},
			"bind":   func(ctx context.Context) error { return c.BindQueue(ctx, "q", "x", "key", nil) },
			"unbind": func(ctx context.Context) error { return c.UnbindQueue(ctx, "q", "x", "other", nil) },
			"consume": func(ctx context.Context) error {
				_, err := c.Consume(ctx, "q", broker.ConsumeOptions{}, func(broker.Delivery) {})
				return err
			},
			"ready":          c.Ready,
			"put a user":     func(ctx context.Context) error { return b.PutUser(ctx, "joe", "secret") },
			"delete a user":  func(ctx context.Context) error { _, err := b.DeleteUser(ctx, "joe"); return err },
			"permit":         func(ctx context.Context) error { return b.SetPermissions(ctx, "guest", "/", "a", "a", "a") },
			"make a vhost":   func(ctx context.Context) error { return b.CreateVHost(ctx, "other") },
			"delete a vhost": func(ctx context.Context) error { _, err := b.DeleteVHost(ctx, "other"); return err },
			"import": func(ctx context.Context) error {
				_, err := b.ImportDefinitions(ctx, []byte(`{"queues": [{"name": "imported", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {}}]}`))
				return err
			},
			"delete exchange": func(ctx context.Context) error { return c.DeleteExchange(ctx, "y") },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			err := change(ctx)
			cancel()
			if took := time.Since(began); took > time.Second || err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s ended after %v with %v", what, took, err)
			}
		}
		if err := b.Close(); err == nil {
			t.Error("it is closed before its disk has answered")
		}
		<-b.Done()
	})
}

package coord_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/coord"
)

// On the RabbitMQ that POSTRIDER_RABBITMQ names, an AMQP URL: everything at once, with a holder that is killed.
func TestOnRabbitMQ(t *testing.T) {
	url := os.Getenv("POSTRIDER_RABBITMQ")
	if url == "" {
		t.Skip("POSTRIDER_RABBITMQ names no broker")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	unique := fmt.Sprint(t.Name(), time.Now().UnixNano())
	var nodes []*postrider.Node
	for _, name := range []string{"alice", "bob", "carol"} {
		n, err := postrider.Start(ctx, postrider.Config{Name: name, Brokers: []string{url}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		nodes = append(nodes, n)
	}
	h, err := coord.NewLock(nodes[0], unique).Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	highest, count := h.Fence(), 0
	for _, n := range nodes[1:] {
		all.Go(func() {
			for range 5 {
				err := coord.NewLock(n, unique).Do(ctx, func(_ context.Context, fence uint64) error {
					if count++; fence <= highest {
						t.Errorf("fence %d after %d", fence, highest)
					}
					highest = fence
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
			if err := coord.NewBarrier(n, unique, 2).Wait(ctx); err != nil {
				t.Error(err)
			}
			for range 5 {
				_, err := coord.NewValue[int](n, unique).Update(ctx, func(n int, err error) (int, error) {
					if errors.Is(err, coord.ErrNoValue) {
						err = nil
					}
					return n + 1, err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	nodes[0].Close()
	<-h.Lost()
	all.Wait()
	if v, err := coord.NewValue[int](nodes[1], unique).Get(ctx); err != nil || v.Value != 10 || count != 10 {
		t.Errorf("%+v, %v after %d holders", v, err, count)
	}
}

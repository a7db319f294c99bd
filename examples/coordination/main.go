// Coordination lets three workers agree, through one broker: they wait for each other, share a number, take turns at what
// only one may touch, and use at most two of something at a time.
//
//	go run ./examples/coordination
//
// Here they are goroutines with one node. In programs of their own they would name the same broker in Config.Brokers: postrider
// serve, or a RabbitMQ.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"sync"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/coord"
)

func main() {
	total, err := run(context.Background(), 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("counted to", total)
}

func run(ctx context.Context, workers int) (total int, err error) {
	n, err := postrider.Start(ctx, postrider.Config{Name: "team", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	defer n.Close()
	ends := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { ends[i] = work(ctx, n, i, workers) })
	}
	all.Wait()
	if err := errors.Join(ends...); err != nil {
		return 0, err
	}
	v, err := coord.NewValue[int](n, "count").Get(ctx)
	return v.Value, err
}

func work(ctx context.Context, n *postrider.Node, who, workers int) error {
	if err := coord.NewBarrier(n, "start", workers).Wait(ctx); err != nil {
		return err
	}
	err := coord.NewSemaphore(n, "licences", 2).Do(ctx, func(ctx context.Context, h *coord.Held) error {
		fmt.Printf("worker %d uses licence %d\n", who, h.Slot())
		return nil
	})
	if err != nil {
		return err
	}
	err = coord.NewLock(n, "printer").Do(ctx, func(ctx context.Context, fence uint64) error {
		fmt.Printf("worker %d prints as number %d\n", who, fence) // a printer that remembers it turns away who comes too late
		return nil
	})
	if err != nil {
		return err
	}
	_, err = coord.NewValue[int](n, "count").Update(ctx, func(count int, err error) (int, error) {
		if errors.Is(err, coord.ErrNoValue) {
			err = nil
		}
		return count + 1, err
	})
	return err
}

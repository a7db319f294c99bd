// Partitions takes a bottleneck apart. The orders of a customer have to be handled one after the other, those of
// different customers need not wait for each other. In one mailbox with one worker they do; in one of eight partitions they do not, and two
// nodes share the work.
//
//	go run ./examples/partitions
//
// It runs a broker in this process. Config.Brokers could as well name postrider serve, or a RabbitMQ.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// Order is one of a customer's, which are numbered.
type Order struct {
	Customer string
	Number   int
}

const (
	customers = 16
	each      = 5
	effort    = 5 * time.Millisecond
)

func main() {
	one, eight, err := run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("in one mailbox %v, in eight partitions %v\n", one.Round(time.Millisecond), eight.Round(time.Millisecond))
}

// run returns how long the same work took in either way.
func run(ctx context.Context) (one, eight time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b, err := broker.Open(broker.Config{})
	if err != nil {
		return 0, 0, err
	}
	defer b.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	go b.Serve(ln)
	var nodes []*postrider.Node
	for _, name := range []string{"north", "south"} {
		n, err := postrider.Start(ctx, postrider.Config{
			Name:    name,
			Brokers: []string{"amqp://" + ln.Addr().String()},
			Logger:  slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return 0, 0, err
		}
		defer n.Close()
		nodes = append(nodes, n)
	}
	if one, err = work(ctx, nodes[:1], "orders", 1); err != nil {
		return 0, 0, err
	}
	eight, err = work(ctx, nodes, "orders-by-customer", 8, postrider.Partitions(8))
	return one, eight, err
}

// work has all orders handled by the nodes, which have so many workers each, and checks their order.
func work(ctx context.Context, nodes []*postrider.Node, mailbox string, workers int, opts ...postrider.MailboxOption) (time.Duration, error) {
	orders := nodes[0].Mailbox(mailbox, opts...)
	for number := range each {
		for c := range customers {
			o := Order{fmt.Sprint("customer ", c), number}
			if _, err := orders.Post(ctx, o, postrider.Key(o.Customer)); err != nil {
				return 0, err
			}
		}
	}
	var mu sync.Mutex
	next := make(map[string]int)
	wrong := make(chan error, 1)
	var left sync.WaitGroup
	left.Add(customers * each)
	start := time.Now()
	for _, n := range nodes {
		err := n.Handle(ctx, n.Mailbox(mailbox, opts...), func(_ context.Context, m *postrider.Message) error {
			var o Order
			if err := m.Decode(&o); err != nil {
				return postrider.Reject(err)
			}
			time.Sleep(effort)
			mu.Lock()
			defer mu.Unlock()
			if o.Number != next[o.Customer] {
				select {
				case wrong <- fmt.Errorf("%s: order %d, want %d", o.Customer, o.Number, next[o.Customer]):
				default:
				}
			}
			next[o.Customer]++
			left.Done()
			return nil
		}, postrider.Workers(workers))
		if err != nil {
			return 0, err
		}
	}
	done := make(chan struct{})
	go func() {
		left.Wait()
		close(done)
	}()
	select {
	case <-done:
		return time.Since(start), nil
	case err := <-wrong:
		return 0, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Topic shares data: a ticker publishes prices, and everyone who has subscribed gets a copy of each. One sees
// them all, one those of Europe, and an auditor also what came while it was away.
//
//	go run ./examples/topic
//
// Here it is one node. In programs of their own all would name the same broker in Config.Brokers: postrider serve, or a RabbitMQ.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/postrider-mq/postrider"
)

// Price is what is shared.
type Price struct {
	Index string
	Value int
}

func main() {
	if _, err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// run returns how many prices each subscriber saw.
func run(ctx context.Context) (seen map[string]int, err error) {
	n, err := postrider.Start(ctx, postrider.Config{Name: "exchange", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer n.Close()

	audit := n.Topic("prices", postrider.Durable("audit"))
	comeBy(ctx, n, audit) // the broker keeps the subscription from now on
	came := make(chan string, 100)
	for who, topic := range map[string]*postrider.Target{
		"everything": n.Topic("prices"),
		"europe":     n.Topic("prices", postrider.Matching("eu.*")),
	} {
		if err := n.Handle(ctx, topic, show(who, came)); err != nil {
			return nil, err
		}
	}

	prices := n.Topic("prices")
	for i, key := range []string{"eu.dax", "us.dow", "eu.ftse"} {
		if err := prices.Send(ctx, Price{key, 1000 * (i + 1)}, postrider.Key(key)); err != nil {
			return nil, err
		}
	}
	if err := n.Handle(ctx, audit, show("audit", came)); err != nil { // late, and misses nothing
		return nil, err
	}
	seen = make(map[string]int)
	for range 3 + 2 + 3 {
		select {
		case who := <-came:
			seen[who]++
		case <-ctx.Done():
			return seen, ctx.Err()
		}
	}
	return seen, nil
}

// comeBy subscribes for a moment, in which nothing comes.
func comeBy(ctx context.Context, n *postrider.Node, topic *postrider.Target) {
	ctx, leave := context.WithTimeout(ctx, 10*time.Millisecond)
	defer leave()
	for m, err := range n.Messages(ctx, postrider.Of(topic)) {
		if err != nil {
			return // the moment is over
		}
		m.Ack()
	}
}

func show(who string, came chan<- string) postrider.Handler {
	return func(_ context.Context, m *postrider.Message) error {
		var p Price
		if err := m.Decode(&p); err != nil {
			return postrider.Reject(err)
		}
		fmt.Printf("%-10s  %-7s %d\n", who, p.Index, p.Value)
		came <- who
		return nil
	}
}

// Gather asks three sellers for a price at once, takes the answers as they come, and goes with the best that it has after
// half a second: who is too late has had his chance.
//
//	go run ./examples/gather
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/postrider-mq/postrider"
)

// Ask is the question, Quote the answer.
type Ask struct{ Item string }
type Quote struct {
	Seller string
	Price  int
}

func main() {
	best, err := run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s sells it for %d\n", best.Seller, best.Price)
}

func run(ctx context.Context) (best Quote, err error) {
	quiet := slog.New(slog.DiscardHandler)
	peers := make(map[string]string)
	for seller, price := range map[string]int{"bob": 30, "carol": 20, "dave": 10} {
		n, err := postrider.Start(ctx, postrider.Config{Name: seller, Listen: "127.0.0.1:0", Logger: quiet})
		if err != nil {
			return best, err
		}
		defer n.Close()
		if err := n.Handle(ctx, n.Inbox(), sell(seller, price)); err != nil {
			return best, err
		}
		peers[seller] = n.Addr().String()
	}
	alice, err := postrider.Start(ctx, postrider.Config{Name: "alice", Peers: peers, Logger: quiet})
	if err != nil {
		return best, err
	}
	defer alice.Close()

	var sellers []*postrider.Target
	for name := range peers {
		sellers = append(sellers, alice.Peer(name))
	}
	patience, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	for quote, err := range postrider.Gather[Quote](patience, sellers, Ask{"a lamp"}) {
		switch {
		case err != nil:
			fmt.Println("no answer:", err)
		case best.Seller == "" || quote.Price < best.Price:
			best = quote
		}
	}
	if best.Seller == "" {
		return best, errors.New("nobody has sold anything")
	}
	return best, ctx.Err()
}

// sell answers; dave is cheap, and slow.
func sell(seller string, price int) postrider.Handler {
	return func(ctx context.Context, m *postrider.Message) error {
		if seller == "dave" {
			<-ctx.Done()
			return ctx.Err()
		}
		return m.Reply(ctx, Quote{seller, price})
	}
}

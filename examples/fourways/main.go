// Fourways sends a message in each of the four ways between two nodes of this
// process. In real life each node is a process of its own; nothing else changes.
//
//	go run ./examples/fourways
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/postrider-mq/postrider"
)

// Order is what the example's messages carry.
type Order struct {
	ID   int
	Item string
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	bob, err := startBob(ctx)
	if err != nil {
		return err
	}
	defer bob.Close()
	alice, err := startAlice(ctx, bob.Addr().String())
	if err != nil {
		return err
	}
	defer alice.Close()
	return errors.Join(
		directSend(ctx, alice),
		directPost(ctx, alice),
		mailboxSend(ctx, alice),
		mailboxPost(ctx, alice),
		ask(ctx, alice),
		work(ctx, alice),
	)
}

// startBob is the process that is sent to.
func startBob(ctx context.Context) (*postrider.Node, error) {
	n, err := postrider.Start(ctx, postrider.Config{
		Name:   "bob",
		Listen: "127.0.0.1:0", // a free port, see Addr
	})
	if err != nil {
		return nil, err
	}
	return n, n.Handle(ctx, n.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		var o Order
		if err := m.Decode(&o); err != nil {
			return err
		}
		fmt.Printf("bob has order %d from %s: %s\n", o.ID, m.From, o.Item)
		return m.Reply(ctx, fmt.Sprintf("order %d costs %d", o.ID, 10*o.ID))
	})
}

// startAlice is the process that sends. Her mailboxes live in the broker
// embedded in her node, because Config.Brokers names none.
func startAlice(ctx context.Context, bobsAddress string) (*postrider.Node, error) {
	return postrider.Start(ctx, postrider.Config{
		Name:  "alice",
		Peers: map[string]string{"bob": bobsAddress},
	})
}

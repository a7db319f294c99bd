package main

import (
	"context"
	"fmt"

	"github.com/postrider-mq/postrider"
)

// Direct, synchronous: when Send returns nil, the message is in bob's inbox.
func directSend(ctx context.Context, alice *postrider.Node) error {
	return alice.Peer("bob").Send(ctx, Order{ID: 1, Item: "a lamp"})
}

// Direct, asynchronous: Post returns at once. Should bob be down, the message
// waits for him; the receipt tells how far it has come.
func directPost(ctx context.Context, alice *postrider.Node) error {
	receipt, err := alice.Peer("bob").Post(ctx, Order{ID: 2, Item: "a chair"})
	if err != nil {
		return err
	}
	grade, err := receipt.Wait(ctx) // or later, or never
	fmt.Println("order 2:", grade)
	return err
}

// Indirect, synchronous: when Send returns nil, the broker has stored it.
func mailboxSend(ctx context.Context, alice *postrider.Node) error {
	return alice.Mailbox("orders").Send(ctx, Order{ID: 3, Item: "a table"})
}

// Indirect, asynchronous.
func mailboxPost(ctx context.Context, alice *postrider.Node) error {
	receipt, err := alice.Mailbox("orders").Post(ctx, Order{ID: 4, Item: "a shelf"})
	if err != nil {
		return err
	}
	grade, err := receipt.Wait(ctx)
	fmt.Println("order 4:", grade)
	return err
}

// A question and its answer, from either kind of target.
func ask(ctx context.Context, alice *postrider.Node) error {
	answer, err := postrider.Call[string](ctx, alice.Peer("bob"), Order{ID: 5, Item: "a bed"})
	fmt.Println("bob answers:", answer)
	return err
}

// Whoever works on the mailbox takes what was stored; returning nil settles it.
func work(ctx context.Context, worker *postrider.Node) error {
	done := make(chan struct{}, 2)
	book := func(_ context.Context, o Order) error {
		fmt.Printf("worked on order %d: %s\n", o.ID, o.Item)
		done <- struct{}{}
		return nil
	}
	err := worker.Handle(ctx, worker.Mailbox("orders"), func(ctx context.Context, m *postrider.Message) error {
		var o Order
		if err := m.Decode(&o); err != nil {
			return postrider.Reject(err) // nobody can ever read it: a dead letter, at once
		}
		return book(ctx, o) // nil: done with it; an error: it comes again
	}, postrider.Workers(4))
	if err != nil {
		return err
	}
	<-done
	<-done
	return nil
}

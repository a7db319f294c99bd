package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider"
)

// Order is what the examples pass around.
type Order struct {
	ID   int
	Item string
}

// shop starts a node that takes orders, and one that knows where it is.
func shop() (shop, customer *postrider.Node) {
	shop, err := postrider.Start(context.Background(), postrider.Config{Name: "shop", Listen: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	customer, err = postrider.Start(context.Background(), postrider.Config{
		Name:  "customer",
		Peers: map[string]string{"shop": shop.Addr().String()},
	})
	if err != nil {
		panic(err)
	}
	return shop, customer
}

// Direct and synchronous: when Send returns, the message is in the peer's inbox.
func ExampleTarget_Send() {
	shop, customer := shop()
	defer shop.Close()
	defer customer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	if err := customer.Peer("shop").Send(ctx, Order{7, "lamp"}); err != nil {
		fmt.Println(err)
		return
	}
	for m, err := range shop.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		var o Order
		m.Decode(&o)
		fmt.Println(m.From, "orders a", o.Item)
		m.Ack()
		break
	}
	// Output: customer orders a lamp
}

// Direct and asynchronous: Post returns at once, and the receipt tells the rest.
func ExampleTarget_Post() {
	shop, customer := shop()
	defer shop.Close()
	defer customer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	receipt, err := customer.Peer("shop").Post(ctx, "hello")
	if err != nil {
		fmt.Println(err)
		return
	}
	// … something else …
	grade, err := receipt.Wait(ctx)
	fmt.Println(grade, err)
	// Output: received <nil>
}

// Indirect: the message stays in the mailbox until somebody has handled it. Here the
// mailbox is in the node itself; with Config.Brokers it is on a broker, and the rest stays as it is.
func ExampleNode_Mailbox() {
	n, err := postrider.Start(context.Background(), postrider.Config{Name: "billing"})
	if err != nil {
		panic(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	jobs := n.Mailbox("jobs")

	// Synchronous: when Send returns, the mailbox has the message.
	if err := jobs.Send(ctx, Order{1, "lamp"}); err != nil {
		fmt.Println(err)
		return
	}
	// Asynchronous.
	receipt, err := jobs.Post(ctx, Order{2, "chair"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.Wait(ctx))

	done := make(chan string)
	n.Handle(ctx, jobs, func(ctx context.Context, m *postrider.Message) error {
		var o Order
		if err := m.Decode(&o); err != nil {
			return err
		}
		done <- o.Item
		return nil // done with it
	})
	fmt.Println(<-done, <-done)
	// Output:
	// stored <nil>
	// lamp chair
}

// A call is answered by the handler; its error comes back as a RemoteError.
func ExampleCall() {
	shop, customer := shop()
	defer shop.Close()
	defer customer.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	shop.Handle(ctx, shop.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		var o Order
		if err := m.Decode(&o); err != nil {
			return err
		}
		if o.Item == "moon" {
			return errors.New("not for sale")
		}
		return m.Reply(ctx, 100*len(o.Item))
	})

	price, err := postrider.Call[int](ctx, customer.Peer("shop"), Order{1, "lamp"})
	fmt.Println(price, err)
	_, err = postrider.Call[int](ctx, customer.Peer("shop"), Order{2, "moon"})
	var remote *postrider.RemoteError
	if errors.As(err, &remote) {
		fmt.Println(remote.Reason)
	}
	// Output:
	// 400 <nil>
	// not for sale
}

// What a send can end in.
func ExampleSendError() {
	n, err := postrider.Start(context.Background(), postrider.Config{
		Name:  "alice",
		Peers: map[string]string{"bob": "127.0.0.1:1"}, // where nobody is
	})
	if err != nil {
		panic(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()

	err = n.Peer("bob").Send(ctx, "are you there?")
	var failed *postrider.SendError
	if errors.As(err, &failed) {
		fmt.Println("peer down:", errors.Is(err, postrider.ErrPeerDown))
		fmt.Println("time is up:", errors.Is(err, context.DeadlineExceeded))
		fmt.Println(failed.Stage, "- may have been delivered:", failed.MaybeDelivered)
	}
	// Output:
	// peer down: true
	// time is up: true
	// in the outbox - may have been delivered: false
}

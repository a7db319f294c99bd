// Failures shows what becomes of messages when things go wrong: a peer that is down, a handler that fails, a message that nobody can
// read, and an order that is sent twice.
//
//	go run ./examples/failures
//
// Everything runs in this process; the broker could as well be postrider serve, or a RabbitMQ.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// Order is what the shop sends to the warehouse.
type Order struct {
	ID   int
	Item string
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	b, err := broker.Open(broker.Config{})
	if err != nil {
		return err
	}
	defer b.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go b.Serve(ln)
	// Nodes that use one broker find each other there.
	start := func(name string) (*postrider.Node, error) {
		return postrider.Start(ctx, postrider.Config{
			Name:    name,
			Listen:  "127.0.0.1:0",
			Brokers: []string{"amqp://" + ln.Addr().String()},
			Logger:  slog.New(slog.DiscardHandler),
		})
	}
	shop, err := start("shop")
	if err != nil {
		return err
	}
	defer shop.Close()

	receipt, err := whileItIsDown(ctx, out, shop)
	if err != nil {
		return err
	}
	warehouse, err := start("warehouse")
	if err != nil {
		return err
	}
	defer warehouse.Close()
	grade, err := receipt.Wait(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the warehouse is up: what was posted is %v\n", grade)

	if err := handle(ctx, out, warehouse); err != nil {
		return err
	}
	if err := orders(ctx, out, shop); err != nil {
		return err
	}
	return deadLetters(ctx, out, warehouse)
}

// whileItIsDown sends to a peer that is not there: a Send waits as long as it may, and a Post waits in this node's outbox.
func whileItIsDown(ctx context.Context, out io.Writer, shop *postrider.Node) (*postrider.Receipt, error) {
	soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	fmt.Fprintln(out, fate(shop.Peer("warehouse").Send(soon, "are you there?")))
	return shop.Peer("warehouse").Post(ctx, "hello")
}

// fate says what became of a message that was sent.
func fate(err error) string {
	var failed *postrider.SendError
	switch {
	case err == nil:
		return "it has arrived"
	case errors.As(err, &failed) && failed.MaybeDelivered:
		return "nobody knows whether it arrived: send it again under the same ID"
	case errors.Is(err, postrider.ErrPeerDown):
		return "the warehouse is down: what was sent did not arrive, and will not"
	}
	return err.Error() // says what to do
}

// handle works on orders. Nil settles one, an error brings it again, and Reject makes it a dead letter at once.
func handle(ctx context.Context, out io.Writer, warehouse *postrider.Node) error {
	return warehouse.Handle(ctx, warehouse.Mailbox("orders"), func(ctx context.Context, m *postrider.Message) error {
		var o Order
		if err := m.Decode(&o); err != nil {
			return postrider.Reject(err) // another try does not help
		}
		if failure, failed := m.Failure(); o.Item == "a lamp" && !failed {
			return errors.New("out of lamps")
		} else if failed {
			fmt.Fprintf(out, "try %d of order %d, after: %s\n", failure.Tries+1, o.ID, failure.Reason)
		}
		fmt.Fprintf(out, "order %d: %s\n", o.ID, o.Item)
		return nil
	}, postrider.MaxTries(5), postrider.Backoff(func(failures int) time.Duration { return 50 * time.Millisecond }))
}

// orders sends three, one of them twice. Until(Handled) waits for the handler, whatever it takes.
func orders(ctx context.Context, out io.Writer, shop *postrider.Node) error {
	orders := shop.Mailbox("orders")
	if err := orders.Send(ctx, Order{1, "a chair"}, postrider.ID("order 1"), postrider.Until(postrider.Handled)); err != nil {
		return err
	}
	// The same again, as after a crash of the shop that does not know how far it had come: handled once.
	if err := orders.Send(ctx, Order{1, "a chair"}, postrider.ID("order 1")); err != nil {
		return err
	}
	if err := orders.Send(ctx, Order{2, "a lamp"}, postrider.ID("order 2"), postrider.Until(postrider.Handled)); err != nil {
		return err
	}
	err := orders.Send(ctx, "three tables", postrider.ID("order 3"), postrider.Until(postrider.Handled))
	var refused *postrider.RemoteError
	if !errors.As(err, &refused) {
		return fmt.Errorf("an order that cannot be read: %w", err)
	}
	fmt.Fprintln(out, "order 3 was given up")
	return nil
}

// deadLetters mends what was given up, and gives it another try. `postrider dead` does it by hand.
func deadLetters(ctx context.Context, out io.Writer, warehouse *postrider.Node) error {
	orders := warehouse.Mailbox("orders")
	for m, err := range warehouse.Messages(ctx, postrider.Of(orders.Dead())) {
		if err != nil {
			return err
		}
		failure, _ := m.Failure()
		fmt.Fprintf(out, "a dead letter of %s, after %d try\n", m.From, failure.Tries)
		if err := orders.Send(ctx, Order{3, string(m.Body)}, postrider.ID(m.ID), postrider.Until(postrider.Handled)); err != nil {
			return err // it is still here
		}
		return m.Ack()
	}
	return nil
}

// Sealed passes orders through a broker that cannot read them. Its keys are made by hand, once:
//
//	go run ./cmd/postrider keys new shop warehouse
//	go run ./cmd/postrider keys seal mailbox:orders
//	go run ./examples/sealed ./postrider-keys
//
// In real life each has a directory of its own, from postrider keys share: the private key of the mailbox is for the warehouse alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if len(os.Args) != 2 {
		log.Fatal("usage: sealed DIRECTORY, of postrider keys")
	}
	files := os.DirFS(os.Args[1])
	shop, err := postrider.LoadKeys(withoutKeysOfMailboxes{files}, "shop")
	if err != nil {
		log.Fatal(err)
	}
	warehouse, err := postrider.LoadKeys(files, "warehouse")
	if err != nil {
		log.Fatal(err)
	}
	if err := run(ctx, os.Stdout, shop, warehouse); err != nil {
		log.Fatal(err)
	}
}

// withoutKeysOfMailboxes is what a node has that only sends.
type withoutKeysOfMailboxes struct{ fs.FS }

func (f withoutKeysOfMailboxes) Open(name string) (fs.File, error) {
	if name == "orders.mailbox.key" {
		return nil, fs.ErrNotExist
	}
	return f.FS.Open(name)
}

func run(ctx context.Context, out io.Writer, ofShop, ofWarehouse *postrider.Keys) error {
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
	node := func(name string, keys *postrider.Keys) (*postrider.Node, error) {
		return postrider.Start(ctx, postrider.Config{
			Name: name, Keys: keys, Brokers: []string{"amqp://" + ln.Addr().String()}, Logger: slog.New(slog.DiscardHandler),
		})
	}
	shop, err := node("shop", ofShop)
	if err != nil {
		return err
	}
	defer shop.Close()
	warehouse, err := node("warehouse", ofWarehouse)
	if err != nil {
		return err
	}
	defer warehouse.Close()

	// Sending is as it ever was.
	if err := shop.Mailbox("orders").Send(ctx, "a ring, for Alice, a surprise"); err != nil {
		return err
	}
	// The shop cannot read what others have ordered, nor send anything that others can read.
	err = shop.Handle(ctx, shop.Mailbox("orders"), func(context.Context, *postrider.Message) error { return nil })
	fmt.Fprintln(out, "the shop may read orders:", !errors.Is(err, postrider.ErrNoKey))
	err = shop.Mailbox("gossip").Send(ctx, "Alice gets a ring")
	fmt.Fprintln(out, "the shop may gossip:", !errors.Is(err, postrider.ErrNoKey))
	// Somebody without keys puts in an order of his own, which reaches nobody.
	stranger, err := node("stranger", nil)
	if err != nil {
		return err
	}
	defer stranger.Close()
	if err := stranger.Mailbox("orders").Send(ctx, "all lamps, to be paid by Alice"); err != nil {
		return err
	}

	ordered := make(chan string, 10)
	err = warehouse.Handle(ctx, warehouse.Mailbox("orders"), func(ctx context.Context, m *postrider.Message) error {
		ordered <- fmt.Sprintf("%s, sealed by %s", m.Body, m.SealedBy())
		return m.Reply(ctx, "tomorrow") // sealed, too
	})
	if err != nil {
		return err
	}
	when, err := postrider.Call[string](ctx, shop.Mailbox("orders"), "wrapping paper; when is it here?")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the warehouse has read:", <-ordered)
	fmt.Fprintln(out, "the warehouse has read:", <-ordered)
	fmt.Fprintln(out, "and says:", when)
	return nil
}

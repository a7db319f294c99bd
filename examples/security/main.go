// Security protects what is passed: TLS between nodes and to a broker, a user for each program, and permissions that
// let it do what it has to and nothing else.
//
//	go run ./examples/security
package main

import (
	"context"
	"crypto/tls"
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

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, client, err := credentials()
	if err != nil {
		return err
	}
	if err := direct(ctx, out, server, client); err != nil {
		return err
	}
	return throughABroker(ctx, out, server, client)
}

// direct secures a node's own listener. A listener beyond this machine needs TLS. Who connects has to know one of Users, and may
// only put messages into the inbox: not read it, and not touch this node's mailboxes.
func direct(ctx context.Context, out io.Writer, server, client *tls.Config) error {
	bank, err := postrider.Start(ctx, postrider.Config{
		Name:   "bank",
		Listen: "127.0.0.1:0",
		TLS:    server,
		Users:  map[string]string{"shop": "secret"},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer bank.Close()
	send := func(ctx context.Context, url string, trust *tls.Config) error {
		shop, err := postrider.Start(ctx, postrider.Config{
			Name:   "shop",
			Peers:  map[string]string{"bank": url},
			TLS:    trust,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		defer shop.Close()
		return shop.Peer("bank").Send(ctx, "transfer 10")
	}
	at := bank.Addr().String()

	fmt.Fprintln(out, "with the password:", outcome(send(ctx, "amqps://shop:secret@"+at, client)))
	fmt.Fprintln(out, "with a wrong one:", outcome(send(ctx, "amqps://shop:guess@"+at, client)))
	// To who trusts the system's authorities alone it could be anybody. The shop goes on trying for as long as it may.
	var unknown *tls.CertificateVerificationError
	for !errors.As(err, &unknown) && ctx.Err() == nil {
		soon, cancel := context.WithTimeout(ctx, time.Second/2)
		err = send(soon, "amqps://shop:secret@"+at, nil)
		cancel()
	}
	fmt.Fprintln(out, "to a bank that cannot prove that it is one:", outcome(err))
	return nil
}

// throughABroker gives each program a user of its own. The shop may put orders into a mailbox and not take them out again, and the
// warehouse may work on them.
func throughABroker(ctx context.Context, out io.Writer, server, client *tls.Config) error {
	b, err := broker.Open(broker.Config{
		FirstUser: func() (name, password string, err error) { return "operator", "a long secret", nil }, // and so no guest
	})
	if err != nil {
		return err
	}
	defer b.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go b.Serve(tls.NewListener(ln, server))

	// What each may declare, send to and receive from, as regular expressions; what is sent to a mailbox passes amq.default.
	// `postrider user` and `postrider permission` do the same by hand.
	for user, may := range map[string]struct{ configure, write, read string }{
		"shop":      {`^orders$`, `^amq\.default$`, `^$`},
		"warehouse": {`^orders(\.|$)`, `^(orders(\.|$)|amq\.default$)`, `^orders(\.|$)`}, // and its retries and dead letters
	} {
		if err := b.PutUser(ctx, user, "secret of the "+user); err != nil {
			return err
		}
		if err := b.SetPermissions(ctx, user, "/", may.configure, may.write, may.read); err != nil {
			return err
		}
	}
	start := func(name string) (*postrider.Node, error) {
		return postrider.Start(ctx, postrider.Config{
			Name:    name,
			Brokers: []string{"amqps://" + name + ":secret%20of%20the%20" + name + "@" + ln.Addr().String()},
			TLS:     client,
			Logger:  slog.New(slog.DiscardHandler),
		})
	}
	shop, err := start("shop")
	if err != nil {
		return err
	}
	defer shop.Close()
	warehouse, err := start("warehouse")
	if err != nil {
		return err
	}
	defer warehouse.Close()

	fmt.Fprintln(out, "the shop orders:", outcome(shop.Mailbox("orders").Send(ctx, "a lamp")))
	fmt.Fprintln(out, "the shop sends to another mailbox:", outcome(shop.Mailbox("salaries").Send(ctx, "more for all")))
	handle := func(context.Context, *postrider.Message) error { return nil }
	fmt.Fprintln(out, "the shop reads orders:", outcome(shop.Handle(ctx, shop.Mailbox("orders"), handle)))
	for m, err := range warehouse.Messages(ctx, postrider.Of(warehouse.Mailbox("orders"))) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "the warehouse got %s\n", m.Body)
		return m.Ack()
	}
	return nil
}

// outcome is what became of something, in a word.
func outcome(err error) string {
	var refused *postrider.RemoteError
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &refused):
		return fmt.Sprint("refused with ", refused.Code)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return "nothing is sent, its certificate is not trusted"
	}
	return err.Error()
}

// Embed runs a whole broker inside this program: for a test, an edge box, or a
// service that wants no other process. Any AMQP 0-9-1 client can use it while
// it runs, in any language.
//
//	go run ./examples/embed
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func main() {
	text, err := run()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
}

// run serves on a free port and, beside it, uses the broker from inside.
func run() (text string, err error) {
	b, err := broker.Open(broker.Config{}) // Dir: "data" would keep what is durable
	if err != nil {
		return "", err
	}
	defer shutdown(b)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go b.Serve(ln) // amqp://guest:guest@ADDRESS for every RabbitMQ client
	fmt.Println("serving amqp on", ln.Addr())

	c, err := b.Dial(broker.DialConfig{Name: "inside"})
	if err != nil {
		return "", err
	}
	if _, err := c.DeclareQueue(context.Background(), broker.QueueOptions{Name: "jobs"}); err != nil {
		return "", err
	}
	got := make(chan broker.Delivery, 1)
	if _, err := c.Consume(context.Background(), "jobs", broker.ConsumeOptions{}, func(d broker.Delivery) { got <- d }); err != nil {
		return "", err
	}
	if err := c.Publish(&broker.Publishing{Key: "jobs", Properties: amqp.Properties{ContentType: "text/plain"}, Body: []byte("hello")}, nil); err != nil {
		return "", err
	}
	d := <-got
	return string(d.Body), d.Ack()
}

func shutdown(b *broker.Broker) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		log.Println("shutdown:", err)
	}
}

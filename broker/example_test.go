package broker_test

import (
	"context"
	"fmt"

	"github.com/postrider-mq/postrider/broker"
)

// A program talks to the broker inside it without a socket.
func Example() {
	b, err := broker.Open(broker.Config{}) // in memory
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.DeclareQueue(context.Background(), broker.QueueOptions{Name: "greetings"}); err != nil {
		fmt.Println(err)
		return
	}

	came := make(chan broker.Delivery, 10) // as much room as prefetch, so that handing over never blocks
	_, err = c.Consume(context.Background(), "greetings", broker.ConsumeOptions{Prefetch: 10}, func(d broker.Delivery) { came <- d })
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Publish(&broker.Publishing{Key: "greetings", Body: []byte("hello")}, nil); err != nil {
		fmt.Println(err)
		return
	}
	d := <-came
	fmt.Printf("%s: %s\n", d.Key, d.Body)
	fmt.Println(d.Ack())
	// Output:
	// greetings: hello
	// <nil>
}

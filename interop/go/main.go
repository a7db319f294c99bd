// Command go plays the scenarios of ../README.md with RabbitMQ's own Go client.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A scenario is one way of using a broker, and what has to come of it.
type scenario struct {
	name string
	play func(s *stage)
}

var scenarios = []scenario{
	{"hello", hello},
	{"work-queue", workQueue},
	{"fanout", fanout},
	{"direct", direct},
	{"topics", topics},
	{"rpc", rpc},
	{"direct-reply-to", directReplyTo},
	{"confirms", confirms},
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "--worker" {
		report("worker", run(os.Args[2], func(s *stage) { worker(s, os.Args[3]) }))
		return
	}
	if len(os.Args) < 2 {
		fmt.Println("usage: go URL [SCENARIO]...")
		os.Exit(2)
	}
	url, names := os.Args[1], os.Args[2:]
	for _, sc := range scenarios {
		if len(names) == 0 || slices.Contains(names, sc.name) {
			report(sc.name, run(url, sc.play))
			fmt.Println("ok", sc.name)
		}
	}
}

func report(name string, err error) {
	if err != nil {
		fmt.Printf("FAIL %s: %v\n", name, err)
		os.Exit(1)
	}
}

// worker takes one task, says so, and never acknowledges it.
func worker(s *stage, queue string) {
	ch := s.channel()
	s.must(ch.Qos(1, 0, false))
	fmt.Println(string(s.consume(ch, queue, false).next("a task").Body))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// text is a message of nothing but a body.
func text(body string) amqp.Publishing {
	return amqp.Publishing{ContentType: "text/plain", Body: []byte(body)}
}

func persistent(body string) amqp.Publishing {
	m := text(body)
	m.DeliveryMode = amqp.Persistent
	return m
}

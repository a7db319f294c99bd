package server

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// Consumers of one connection that have much before them, and no prefetch, share what the connection takes: none waits until another's queue is empty.
func TestConsumersOfOneConnectionShareIt(t *testing.T) {
	const each = 15_000 // four times what an outbox takes
	b := newBroker(t)
	p, other := b.dial(), b.dial()
	queues := []string{"a", "b", "c"}
	for _, q := range queues {
		other.declare(1, amqp.QueueDeclare{Queue: q})
		for range each {
			other.publish(1, amqp.BasicPublish{RoutingKey: q}, amqp.Properties{}, strings.Repeat(q, 1000))
		}
	}
	other.declare(1, amqp.QueueDeclare{Queue: "c", Passive: true}) // all are there
	for _, q := range queues {
		p.send(1, &amqp.BasicConsume{Queue: q, NoAck: true, NoWait: true})
	}
	got := map[byte]int{}
	for range each {
		_, body := p.delivery(1)
		got[body[0]]++
	}
	for _, q := range queues {
		if n := got[q[0]]; n < each/10 {
			t.Errorf("%d of %d deliveries were from %s", n, each, q)
		}
	}
}

// However large messages are, and however long somebody reads them slowly, no more than the bound and one of them wait for him. The others are in their queue still.
func TestASlowReaderOfLargeMessages(t *testing.T) {
	const count, size = 60, 1 << 20
	b := newBroker(t)
	p, other := b.dial(), b.dial()
	other.declare(1, amqp.QueueDeclare{Queue: "q"})
	for range count {
		other.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, strings.Repeat("x", size))
	}
	other.declare(1, amqp.QueueDeclare{Queue: "q", Passive: true}) // all are there
	p.consume(1, amqp.BasicConsume{Queue: "q", NoAck: true})
	for n := range count {
		if waiting := b.mostWaiting(); waiting > fullOutbox+size+itemWeight+100 {
			t.Fatalf("%d bytes wait for a slow reader who has read %d messages", waiting, n)
		}
		p.delivery(1)
	}
}

// mostWaiting is how many bytes wait in the fullest outbox.
func (b *broker) mostWaiting() (most int) {
	for _, c := range b.server.all() {
		c.out.mu.Lock()
		most = max(most, c.out.weight)
		c.out.mu.Unlock()
	}
	return most
}

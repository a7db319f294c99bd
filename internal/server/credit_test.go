package server

import (
	"fmt"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// One credit for all consumers of a channel, whatever queues they consume from.
func TestOneCreditForTheChannel(t *testing.T) {
	b := newBroker(t)
	p, other := b.dial(), b.dial()
	p.send(1, &amqp.BasicQos{PrefetchCount: 3, Global: true})
	expect[*amqp.BasicQosOk](p, 1)
	p.declare(1, amqp.QueueDeclare{Queue: "a"})
	p.declare(1, amqp.QueueDeclare{Queue: "b"})
	for i := range 3 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "a"}, amqp.Properties{}, fmt.Sprint("a", i))
		p.publish(1, amqp.BasicPublish{RoutingKey: "b"}, amqp.Properties{}, fmt.Sprint("b", i))
	}
	p.consume(1, amqp.BasicConsume{Queue: "a"})
	for _, body := range []string{"a0", "a1", "a2"} {
		p.wantDelivery(1, body)
	}
	p.consume(1, amqp.BasicConsume{Queue: "b"})
	p.quiet(1)
	if ok := other.declare(1, amqp.QueueDeclare{Queue: "b", Passive: true}); ok.MessageCount != 3 {
		t.Errorf("%d wait in b, want 3", ok.MessageCount)
	}
	p.send(1, &amqp.BasicGet{Queue: "b"}) // is not on the consumers' credit
	expect[*amqp.BasicGetOk](p, 1)
	p.content(1)
	p.send(1, &amqp.BasicAck{DeliveryTag: 4})
	p.quiet(1)

	p.send(1, &amqp.BasicAck{DeliveryTag: 2, Multiple: true})
	for _, body := range []string{"b1", "b2"} { // never seen before: not marked
		if d := p.wantDelivery(1, body); d.Redelivered {
			t.Errorf("%s is marked as redelivered", body)
		}
	}
	p.publish(1, amqp.BasicPublish{RoutingKey: "a"}, amqp.Properties{}, "a3")
	p.quiet(1)
	other.consume(1, amqp.BasicConsume{Queue: "a"}) // has credit of its own
	if d := other.wantDelivery(1, "a3"); d.Redelivered {
		t.Error("a3 is marked as redelivered")
	}
	p.publish(1, amqp.BasicPublish{RoutingKey: "b"}, amqp.Properties{}, "b3")
	p.quiet(1)
	p.send(1, &amqp.BasicQos{Global: true}) // no limit any more
	p.wantDelivery(1, "b3")
	expect[*amqp.BasicQosOk](p, 1)
}

// What flows with a credit of one is in order, and none is lost or marked.
func TestACreditOfOneKeepsTheOrder(t *testing.T) {
	const count = 200
	b := newBroker(t)
	p, other := b.dial(), b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	for i := range count / 2 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, fmt.Sprint(i))
	}
	p.send(1, &amqp.BasicQos{PrefetchCount: 1, Global: true})
	expect[*amqp.BasicQosOk](p, 1)
	p.consume(1, amqp.BasicConsume{Queue: "q"})
	go func() {
		for i := range count / 2 {
			other.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, fmt.Sprint(count/2+i))
		}
	}()
	for i := range count {
		d := p.wantDelivery(1, fmt.Sprint(i))
		if d.Redelivered {
			t.Errorf("%d is marked as redelivered", i)
		}
		p.send(1, &amqp.BasicAck{DeliveryTag: d.DeliveryTag})
	}
}

// A consumer without acks is not on the channel's credit.
func TestCreditIsForWhatIsAcknowledged(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.send(1, &amqp.BasicQos{PrefetchCount: 1, Global: true})
	expect[*amqp.BasicQosOk](p, 1)
	p.consume(1, amqp.BasicConsume{Queue: "q", NoAck: true})
	for i := range 10 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, fmt.Sprint(i))
		p.wantDelivery(1, fmt.Sprint(i))
	}
}

// A consumer that has left, or whose queue has, does not wait for credit.
func TestWhoHasLeftDoesNotWaitForCredit(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.send(1, &amqp.BasicQos{PrefetchCount: 1, Global: true})
	expect[*amqp.BasicQosOk](p, 1)
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	for range 2 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
	}
	stays := p.consume(1, amqp.BasicConsume{Queue: "q"})
	p.wantDelivery(1, "m")
	for range 100 {
		tag := p.consume(1, amqp.BasicConsume{Queue: "q"}) // and waits
		p.send(1, &amqp.BasicCancel{ConsumerTag: tag})
		expect[*amqp.BasicCancelOk](p, 1)
	}
	for range 100 {
		p.declare(1, amqp.QueueDeclare{Queue: "passing"})
		p.publish(1, amqp.BasicPublish{RoutingKey: "passing"}, amqp.Properties{}, "m")
		p.consume(1, amqp.BasicConsume{Queue: "passing"})
		p.send(1, &amqp.QueueDelete{Queue: "passing"})
		expect[*amqp.QueueDeleteOk](p, 1)
		expect[*amqp.BasicCancel](p, 1)
	}
	if n := b.starving(); n != 1 {
		t.Errorf("%d consumers wait for credit, want %s alone", n, stays)
	}
	p.send(1, &amqp.BasicAck{DeliveryTag: 1})
	p.wantDelivery(1, "m")
}

// starving is how many consumers wait for the credit of their channel.
func (b *broker) starving() (n int) {
	for _, c := range b.server.all() {
		for _, ch := range c.openChannels() {
			c.out.mu.Lock()
			n += len(ch.credit.starved)
			c.out.mu.Unlock()
		}
	}
	return n
}

// Consumers that share a credit have their turns: one whose queue is never empty does not keep the others from theirs.
func TestConsumersOfOneCreditTakeTurns(t *testing.T) {
	const each = 20
	b := newBroker(t)
	p := b.dial()
	p.send(1, &amqp.BasicQos{PrefetchCount: 1, Global: true})
	expect[*amqp.BasicQosOk](p, 1)
	queues := []string{"a", "b", "c"}
	for _, q := range queues {
		p.declare(1, amqp.QueueDeclare{Queue: q})
		for range each {
			p.publish(1, amqp.BasicPublish{RoutingKey: q}, amqp.Properties{}, q)
		}
	}
	for _, q := range queues {
		p.send(1, &amqp.BasicConsume{Queue: q, NoWait: true})
	}
	got := ""
	for range 4 * len(queues) {
		d, body := p.delivery(1)
		got += body
		p.send(1, &amqp.BasicAck{DeliveryTag: d.DeliveryTag})
	}
	if want := "abcabcabcabc"; got != want && got != "a"+want[:len(want)-1] {
		t.Errorf("delivered were %s, want %s", got, want)
	}
}

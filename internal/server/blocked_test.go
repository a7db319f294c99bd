package server

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// A broker in memory that holds too much stops who publishes. Who consumes goes
// on, and what he settles ends the publisher's wait.
func TestAPublisherIsBlocked(t *testing.T) {
	b := newBroker(t, func(c *Config) {
		small, err := core.Open(core.Config{Budget: 1000})
		if err != nil {
			t.Fatal(err)
		}
		c.Core.Close()
		c.Core = small
	}).listen()
	publisher := newPeer(t, b.connect())
	publisher.caps["connection.blocked"] = true
	publisher.login("guest", "guest")
	publisher.openChannel(1)
	publisher.send(1, &amqp.QueueDeclare{Queue: "q"}, &amqp.ConfirmSelect{})
	expect[*amqp.QueueDeclareOk](publisher, 1)
	expect[*amqp.ConfirmSelectOk](publisher, 1)
	publisher.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, strings.Repeat("x", 2000))

	var told, confirmed bool
	for !told || !confirmed { // in either order
		switch _, m := publisher.method(); m := m.(type) {
		case *amqp.ConnectionBlocked:
			told = true
			if m.Reason != "low on memory" {
				t.Errorf("blocked because of %q", m.Reason)
			}
		case *amqp.BasicAck:
			confirmed = true
		default:
			t.Fatalf("came %T", m)
		}
	}
	publisher.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "waits")

	consumer := b.dial()
	consumer.send(1, &amqp.BasicGet{Queue: "q"})
	if got := expect[*amqp.BasicGetOk](consumer, 1); got.MessageCount != 0 {
		t.Errorf("%d more are in the queue: a blocked publisher was read", got.MessageCount)
	}
	consumer.content(1)
	consumer.send(1, &amqp.BasicAck{DeliveryTag: 1})

	expect[*amqp.ConnectionUnblocked](publisher, 0)
	expect[*amqp.BasicAck](publisher, 1)
	consumer.send(1, &amqp.BasicGet{Queue: "q"})
	expect[*amqp.BasicGetOk](consumer, 1)
	if _, body := consumer.content(1); body != "waits" {
		t.Errorf("got %q", body)
	}
}

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// A channel that acknowledges nothing gets no more than it may leave unsettled,
// and goes on when it acknowledges. A get is answered beyond the limit, and counts.
func TestAChannelLeavesOnlySoMuchUnsettled(t *testing.T) {
	b := newBroker(t, func(c *Config) { c.MaxUnsettled = 3 })
	p, other := b.dial(), b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	for i := range 9 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, fmt.Sprint(i))
	}
	p.consume(1, amqp.BasicConsume{Queue: "q"})
	for i := range 3 {
		p.wantDelivery(1, fmt.Sprint(i))
	}
	p.quiet(1)
	p.send(1, &amqp.BasicGet{Queue: "q"})
	expect[*amqp.BasicGetOk](p, 1)
	p.content(1)
	p.send(1, &amqp.BasicAck{DeliveryTag: 1}) // three are left: the get's is one of them
	p.quiet(1)
	p.send(1, &amqp.BasicReject{DeliveryTag: 2})
	p.wantDelivery(1, "4")
	p.quiet(1)
	p.send(1, &amqp.BasicAck{Multiple: true})
	for _, body := range []string{"5", "6", "7"} {
		if d := p.wantDelivery(1, body); d.Redelivered {
			t.Errorf("%s is marked as redelivered", body)
		}
	}
	p.quiet(1)
	other.consume(1, amqp.BasicConsume{Queue: "q"}) // has a limit of its own
	other.wantDelivery(1, "8")
	if n := strings.Count(b.logged.String(), "max-unsettled=3"); n != 1 {
		t.Errorf("the limit is logged %d times, want once", n)
	}
}

// Bytes count, too, and the message that passes the limit is the last; what needs no
// acknowledgement is not concerned.
func TestAChannelLeavesOnlySoManyBytesUnsettled(t *testing.T) {
	b := newBroker(t, func(c *Config) { c.MaxUnsettledBytes = 100 })
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	for i := range 4 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, fmt.Sprintf("%060d", i))
	}
	p.consume(1, amqp.BasicConsume{Queue: "q", ConsumerTag: "c"})
	p.wantDelivery(1, fmt.Sprintf("%060d", 0))
	p.wantDelivery(1, fmt.Sprintf("%060d", 1))
	p.quiet(1)
	p.send(1, &amqp.BasicCancel{ConsumerTag: "c"})
	expect[*amqp.BasicCancelOk](p, 1)
	p.consume(1, amqp.BasicConsume{Queue: "q", NoAck: true})
	p.wantDelivery(1, fmt.Sprintf("%060d", 2))
	p.wantDelivery(1, fmt.Sprintf("%060d", 3))
}

func TestWhatAChannelMayLeaveUnsettledUnlessToldOtherwise(t *testing.T) {
	if cfg := newBroker(t).server.cfg; cfg.MaxUnsettled != 65_535 || cfg.MaxUnsettledBytes != 64<<20 {
		t.Errorf("%d messages, %d bytes", cfg.MaxUnsettled, cfg.MaxUnsettledBytes)
	}
}

package server

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// A full queue says no to the publisher, and yes again when there is room.
func TestAPublishThatIsRefused(t *testing.T) {
	p := newBroker(t).dial()
	defer p.hangUp()
	p.declare(1, amqp.QueueDeclare{Queue: "q", Arguments: amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"}})
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	to := amqp.BasicPublish{RoutingKey: "q", Mandatory: true}
	p.publish(1, to, amqp.Properties{}, "first")
	if a := expect[*amqp.BasicAck](p, 1); a.DeliveryTag != 1 {
		t.Errorf("ack %+v", a)
	}
	p.publish(1, to, amqp.Properties{}, "second")
	if n := expect[*amqp.BasicNack](p, 1); n.DeliveryTag != 2 {
		t.Errorf("nack %+v", n)
	}
	p.send(1, &amqp.BasicGet{Queue: "q", NoAck: true})
	expect[*amqp.BasicGetOk](p, 1)
	p.content(1)
	p.publish(1, to, amqp.Properties{}, "third")
	if a := expect[*amqp.BasicAck](p, 1); a.DeliveryTag != 3 {
		t.Errorf("ack %+v", a)
	}
}

// What a consumer rejects goes to the consumer of the dead letters.
func TestADeadLetterIsDelivered(t *testing.T) {
	p := newBroker(t).dial()
	defer p.hangUp()
	p.declare(1, amqp.QueueDeclare{Queue: "q", Arguments: amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}})
	p.declare(1, amqp.QueueDeclare{Queue: "dead"})
	p.consume(1, amqp.BasicConsume{Queue: "dead"})
	p.consume(1, amqp.BasicConsume{Queue: "q"})
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{Priority: 3}, "m")
	d := p.wantDelivery(1, "m")
	p.send(1, &amqp.BasicReject{DeliveryTag: d.DeliveryTag})
	d = expect[*amqp.BasicDeliver](p, 1)
	props, body := p.content(1)
	if d.RoutingKey != "dead" || d.Redelivered || body != "m" || props.Priority != 3 || props.Headers["x-first-death-reason"] != "rejected" {
		t.Errorf("delivered %q as %+v with %+v", body, d, props)
	}
}

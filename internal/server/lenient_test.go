package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// What clients do wrong and RabbitMQ takes is taken here. With -oracle, RabbitMQ is asked.

// dialSmall negotiates frames of 4096 bytes.
func dialSmall(t *testing.T, b *broker) *peer {
	t.Helper()
	nc := dialFor(t, b)
	nc.SetDeadline(time.Now().Add(time.Minute)) // not reached
	p := newPeer(t, nc)
	p.startOk("guest", "guest")
	expect[*amqp.ConnectionTune](p, 0)
	p.send(0, &amqp.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 4096}, &amqp.ConnectionOpen{VirtualHost: "/"})
	expect[*amqp.ConnectionOpenOk](p, 0)
	p.openChannel(1)
	return p
}

// There are clients that take frame_max for the most that a payload may have, and forget the eight bytes around it.
func TestAPayloadMayBeAsLargeAsAFrame(t *testing.T) {
	p := dialSmall(t, newBroker(t).listen())
	p.declare(1, *mine("pr-payload"))
	p.consume(1, amqp.BasicConsume{Queue: "pr-payload", NoAck: true})
	body := strings.Repeat("x", 4096)
	p.send(1, &amqp.BasicPublish{RoutingKey: "pr-payload"})
	p.write(amqp.AppendHeaderFrame(nil, 1, 60, 4096, amqp.RawProperties{0, 0}))
	p.write(frame(3, 1, body))
	p.wantDelivery(1, body)
	p.send(1, &amqp.BasicPublish{RoutingKey: "pr-payload"})
	p.write(amqp.AppendHeaderFrame(nil, 1, 60, 4097, amqp.RawProperties{0, 0}))
	p.write(frame(3, 1, body+"x"))
	if got := p.end(); !strings.HasPrefix(got, "connection FRAME_ERROR - type 3, ") {
		t.Error(got)
	}
}

// Clients with a past in AMQP 0-8 ask for a ticket first.
func TestATicketIsHandedOut(t *testing.T) {
	p := dialSmall(t, newBroker(t).listen())
	p.send(1, &amqp.AccessRequest{Realm: "/data", Active: true, Write: true, Read: true})
	if got := expect[*amqp.AccessRequestOk](p, 1); got.Ticket != 1 {
		t.Errorf("%+v", got)
	}
}

// A client's goroutines share a channel: one closes it, while others acknowledge, publish, cancel and close it, too. What was on its way by then
// ends no connection, and does nothing.
func TestAChannelIsClosedWhileOthersUseIt(t *testing.T) {
	p := newBroker(t).listen().dial()
	p.openChannel(2)
	p.declare(2, *mine("pr-shared"))
	p.publish(2, amqp.BasicPublish{RoutingKey: "pr-shared"}, amqp.Properties{}, "m")
	p.consume(1, amqp.BasicConsume{Queue: "pr-shared", ConsumerTag: "c"})
	p.wantDelivery(1, "m")
	late := amqp.AppendHeaderFrame(nil, 1, 60, 1, amqp.RawProperties{0, 0})
	for _, m := range []amqp.Method{
		&amqp.BasicPublish{RoutingKey: "pr-shared"}, &amqp.BasicCancel{ConsumerTag: "c"}, &amqp.BasicAck{DeliveryTag: 1}, &amqp.ChannelClose{ReplyCode: 200},
	} {
		late, _ = m.AppendFrame(append([]byte(nil), late...), 1)
	}
	closing, _ := (&amqp.ChannelClose{ReplyCode: 200}).AppendFrame(nil, 1)
	p.write(append(closing, late...))
	expect[*amqp.ChannelCloseOk](p, 1)
	expect[*amqp.ChannelCloseOk](p, 1)
	p.write(late)
	expect[*amqp.ChannelCloseOk](p, 1)
	p.openChannel(1)
	p.consume(1, amqp.BasicConsume{Queue: "pr-shared"})
	if d := p.wantDelivery(1, "m"); !d.Redelivered || d.DeliveryTag != 1 {
		t.Errorf("%+v", d)
	}
	p.send(1, &amqp.QueueDeclare{Queue: "pr-shared", Passive: true})
	if ok := expect[*amqp.QueueDeclareOk](p, 1); ok.MessageCount != 0 || ok.ConsumerCount != 1 {
		t.Errorf("%+v", ok)
	}
}

// What comes much later than a close is a mistake, and is told as one.
func TestAChannelIsUsedLongAfterItWasClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newBroker(t).dial()
		p.send(1, &amqp.ChannelClose{ReplyCode: 200})
		expect[*amqp.ChannelCloseOk](p, 1)
		time.Sleep(time.Minute)
		p.send(1, &amqp.BasicAck{DeliveryTag: 1})
		if got := p.end(); got != "connection CHANNEL_ERROR - expected 'channel.open' 60.80" {
			t.Error(got)
		}
	})
}

package server

import (
	"strings"
	"testing"
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

package server

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// A publisher that waits for a broker that is low, and leaves, is not listed until that is over.
func TestABlockedClientThatLeavesIsGone(t *testing.T) {
	b := newBroker(t, small(t)).listen()
	b.fill()
	b.eventually("who filled the queue waits", func() bool { return b.server.Connections() == 1 })
	p := newPeer(t, b.connect())
	p.caps["connection.blocked"] = true
	p.login("guest", "guest")
	p.openChannel(1)
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "waits")
	expect[*amqp.ConnectionBlocked](p, 0)
	p.send(0, &amqp.ConnectionClose{ReplyCode: 200}) // it is behind the message
	p.nc.Close()
	b.eventually("it is gone", func() bool { return b.server.Connections() == 1 })
	if n := b.empty(); n != 0 {
		t.Errorf("%d more are in the queue", n)
	}
}

package server

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
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

// A publisher that waits for a disk which has stopped, and leaves, is not listed until the disk goes on.
func TestAClientThatWaitsForTheDiskAndLeavesIsGone(t *testing.T) {
	var stopped atomic.Bool
	goOn := make(chan struct{})
	c, err := core.Open(core.Config{SegmentSize: 1 << 20, FS: disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if stopped.Load() {
			<-goOn
		}
		return nil
	}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	b := newBroker(t, func(cfg *Config) { cfg.Core = c }).listen()
	t.Cleanup(func() { close(goOn) })
	p := newPeer(t, b.connect())
	p.login("guest", "guest")
	p.openChannel(1)
	p.declare(1, amqp.QueueDeclare{Queue: "q", Durable: true})
	stopped.Store(true)
	for range 64 { // and no more, so that all is read and its leaving can be seen
		p.persist(strings.Repeat("x", 1<<18))
	}
	b.eventually("the disk is behind", func() bool { return b.core.Behind() != 0 })
	p.nc.Close()
	b.eventually("it is gone", func() bool { return b.server.Connections() == 0 })
}

// One that leaves with more under way than its system and ours hold cannot say so, and is gone all the same.
func TestABlockedClientThatLeavesWithMuchUnderWayIsGone(t *testing.T) {
	b := newBroker(t, small(t)).listen()
	b.fill()
	p := b.dialWithHeartbeat(600)
	p.openChannel(1)
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "waits")
	b.wantLog("connection blocked")
	message := p.message(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, strings.Repeat("x", 100_000))
	for err := error(nil); err == nil; _, err = p.nc.Write(message) {
		p.nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	}
	before := b.server.Connections()
	p.nc.Close()
	b.eventually("it is gone", func() bool { return b.server.Connections() == before-1 })
	if n := b.empty(); n != 0 {
		t.Errorf("%d more are in the queue", n)
	}
}

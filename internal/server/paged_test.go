package server

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
)

// A message that was found on the disk, and whose queue is deleted and its space given back before it is read, was never there: who gets is told that the
// queue is not. The reader waits where another read of the same stretch of the journal does.
func TestAQueueThatIsDeletedBeforeItsMessageIsRead(t *testing.T) {
	var watch atomic.Bool
	reading, goOn := make(chan bool), make(chan bool, 1)
	cfg := core.Config{SegmentSize: 16 << 10, MinFree: -1, FS: disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if op.Kind == disk.OpRead && watch.CompareAndSwap(true, false) {
			reading <- true
			<-goOn
		}
		return nil
	}, nil)}
	open := func() *broker {
		c, err := core.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return newBroker(t, func(cfg *Config) { cfg.Core = c })
	}
	b := open()
	p := b.dial()
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	body := strings.Repeat("x", 1000)
	for n, queue := range strings.Split("aaaaaaaaaaaaaaaaabb", "") {
		p.declare(1, amqp.QueueDeclare{Queue: queue, Durable: true})
		p.publish(1, amqp.BasicPublish{RoutingKey: queue}, amqp.Properties{DeliveryMode: amqp.Persistent}, body)
		if ack := expect[*amqp.BasicAck](p, 1); ack.DeliveryTag != uint64(n+1) {
			t.Fatalf("%+v", ack)
		}
	}
	b.server.Close()
	if err := b.core.Close(); err != nil {
		t.Fatal(err)
	}

	b = open() // from here on they are on the disk only
	p, holder, other := b.dial(), b.dial(), b.dial()
	p.take("a", body, body, body, body)
	watch.Store(true)
	holder.send(1, &amqp.BasicGet{Queue: "b"})
	<-reading
	defer func() { goOn <- true }()
	v, _ := b.core.VHost("/")
	before := b.core.Figures().Journal.Segments
	p.send(1, &amqp.BasicGet{Queue: "a"})
	b.eventually("the message is found", func() bool { s, _ := v.Queue("a"); return s.Unacked == 5 })
	ask[*amqp.QueueDeleteOk](other, &amqp.QueueDelete{Queue: "a"})
	b.eventually("its space is given back", func() bool { return b.core.Figures().Journal.Segments < before })
	goOn <- true
	if got, want := p.end(), "channel NOT_FOUND - no queue 'a' in vhost '/' 60.70"; got != want {
		t.Errorf("closed with %q, want %q", got, want)
	}
	expect[*amqp.BasicGetOk](holder, 1)
}

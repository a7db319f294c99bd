package server

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// small is a broker in memory that is low on it with more than 1,000 bytes of messages.
func small(t *testing.T) func(*Config) {
	return func(c *Config) {
		small, err := core.Open(core.Config{Budget: 1000})
		if err != nil {
			t.Fatal(err)
		}
		c.Core.Close()
		c.Core = small
	}
}

// A broker in memory that holds too much stops who publishes. Who consumes goes
// on, and what he settles ends the publisher's wait.
// blocked is how many connections are shown as that.
func (b *broker) blocked() (n int) {
	for _, c := range b.server.ConnectionInfos() {
		if c.Blocked {
			n++
		}
	}
	return n
}

func TestAPublisherIsBlocked(t *testing.T) {
	b := newBroker(t, small(t)).listen()
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
	b.eventually("it is shown as blocked", func() bool { return b.blocked() == 1 })
	consumer.send(1, &amqp.BasicAck{DeliveryTag: 1})

	expect[*amqp.ConnectionUnblocked](publisher, 0)
	b.eventually("it is shown as before", func() bool { return b.blocked() == 0 })
	expect[*amqp.BasicAck](publisher, 1)
	consumer.send(1, &amqp.BasicGet{Queue: "q"})
	expect[*amqp.BasicGetOk](consumer, 1)
	if _, body := consumer.content(1); body != "waits" {
		t.Errorf("got %q", body)
	}
}

// fill has the broker be low on memory, by a message in the queue q.
func (b *broker) fill() {
	b.t.Helper()
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, strings.Repeat("x", 2000))
	b.eventually("the broker is low on memory", func() bool { return b.server.cfg.Core.Shortage() != 0 })
}

// empty takes that message, and says how many are behind it.
func (b *broker) empty() (left uint32) {
	b.t.Helper()
	p := b.dial()
	p.send(1, &amqp.BasicGet{Queue: "q"})
	left = expect[*amqp.BasicGetOk](p, 1).MessageCount
	p.content(1)
	p.send(1, &amqp.BasicAck{DeliveryTag: 1})
	return left
}

// Not even the first message of a connection is taken by a broker that is low already; what comes before it is done.
func TestAFirstPublishWaits(t *testing.T) {
	b := newBroker(t, small(t)).listen()
	b.fill()
	p := newPeer(t, b.connect())
	p.caps["connection.blocked"] = true
	p.login("guest", "guest")
	p.openChannel(1)
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	publish := p.message(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "first")
	p.declare(1, amqp.QueueDeclare{Queue: "other"})
	p.write(publish)
	p.send(1, &amqp.QueueDeclare{Queue: "later"})
	if why := expect[*amqp.ConnectionBlocked](p, 0).Reason; why != "low on memory" {
		t.Errorf("blocked because of %q", why)
	}
	if n := b.empty(); n != 0 {
		t.Errorf("%d more are in the queue: a broker that was low took a message", n)
	}
	got := map[string]bool{}
	for range 3 { // the confirm may come before the other two, or behind
		switch _, m := p.method(); m := m.(type) {
		case *amqp.ConnectionUnblocked, *amqp.BasicAck, *amqp.QueueDeclareOk:
			got[m.ID().String()] = true
		default:
			t.Fatalf("came %T", m)
		}
	}
	if len(got) != 3 {
		t.Errorf("came %v", got)
	}
}

// What was begun before the broker was low may go on, as much as one message may have. A client that has begun more, in its many channels, is sent away
// with it: it could fill what memory there is.
func TestWhatWasBegunGoesOnUpToOneMessage(t *testing.T) {
	const most = 100_000
	b := newBroker(t, small(t), func(c *Config) { c.Limits.MaxMessage = most }).listen()
	b.dial().declare(1, amqp.QueueDeclare{Queue: "begun"})
	begin := func(channels int) (p *peer, rest [][]byte) {
		p = newPeer(t, b.connect())
		p.caps["connection.blocked"] = true
		p.login("guest", "guest")
		for n := range uint16(channels) {
			p.openChannel(n + 1)
			b, _ := (&amqp.BasicPublish{RoutingKey: "begun"}).AppendFrame(nil, n+1)
			b = amqp.AppendHeaderFrame(b, n+1, 60, most, []byte{0, 0})
			p.write(amqp.AppendBodyFrames(b, n+1, make([]byte, most*6/10), p.frameMax))
			rest = append(rest, amqp.AppendBodyFrames(nil, n+1, make([]byte, most*4/10), p.frameMax))
		}
		p.openChannel(100) // and so what was written before has been read
		return p, rest
	}
	modest, its := begin(1)
	greedy, all := begin(3)
	b.fill()
	modest.write(its[0])
	if why := expect[*amqp.ConnectionBlocked](modest, 0).Reason; why != "low on memory" {
		t.Errorf("blocked because of %q", why)
	}
	greedy.write(all[0])
	if gone := expect[*amqp.ConnectionClose](greedy, 0); gone.ReplyCode != amqp.ResourceError || !strings.Contains(gone.ReplyText, "100000 are allowed then") {
		t.Errorf("%+v", gone)
	}
	other := b.dial()
	other.send(1, &amqp.BasicGet{Queue: "begun"})
	if got := expect[*amqp.BasicGetOk](other, 1); got.MessageCount != 0 {
		t.Errorf("%d more were taken", got.MessageCount)
	}
}

// A client that closes a connection on which it has not published is answered by a broker that is low.
func TestWhoHasNotPublishedCloses(t *testing.T) {
	b := newBroker(t, small(t)).listen()
	b.fill()
	p := b.dial()
	p.send(0, &amqp.ConnectionClose{ReplyCode: 200})
	expect[*amqp.ConnectionCloseOk](p, 0)
}

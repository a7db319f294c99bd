package server

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/session"
)

// dialAs logs in as one of the connections that a client has one after the other, and opens channel 1.
func (b *broker) dialAs(user, password string, s session.Succession) *peer {
	b.t.Helper()
	p := newPeer(b.t, b.connect())
	p.says = amqp.Table{}
	s.Put(p.says)
	p.login(user, password)
	p.openChannel(1)
	return p
}

// ends reads on until the other side has closed the socket.
func (p *peer) ends() {
	for {
		if _, err := p.frame(); err != nil {
			return
		}
	}
}

// What a client's dead connection had, which only the client knows to be dead, comes to its next one before all that follows.
func TestAClientThatConnectsAgainSucceedsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		publisher := b.dial()
		publisher.declare(1, amqp.QueueDeclare{Queue: "q"})
		former := b.dialAs("guest", "guest", session.Succession{Name: "secret", Turn: 1})
		former.declare(1, amqp.QueueDeclare{Queue: "mine", Exclusive: true})
		former.consume(1, amqp.BasicConsume{Queue: "q"})
		for i := range 3 {
			publisher.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, fmt.Sprint(i))
		}
		publisher.quiet(1)
		former.wantDelivery(1, "0") // and reads nothing more
		next := b.dialAs("guest", "guest", session.Succession{Name: "secret", Turn: 3})
		next.declare(1, amqp.QueueDeclare{Queue: "mine", Exclusive: true})
		publisher.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "3")
		next.consume(1, amqp.BasicConsume{Queue: "q"})
		for i := range 4 {
			if d := next.wantDelivery(1, fmt.Sprint(i)); d.Redelivered != (i < 3) {
				t.Errorf("%d: redelivered %v", i, d.Redelivered)
			}
		}
		former.ends()
		for turn := range int64(100) {
			b.dialAs("guest", "guest", session.Succession{Name: "secret", Turn: 4 + turn}).declare(1, amqp.QueueDeclare{Queue: "mine", Exclusive: true})
		}
		for _, info := range b.server.ConnectionInfos() {
			if info.Properties["postrider_succession"] != nil {
				t.Errorf("others can see %v", info.Properties)
			}
		}
	})
}

// A connection that comes late, or once more, is not let in, and ends nothing.
func TestNobodyIsSucceededByAnEarlierConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		now := b.dialAs("guest", "guest", session.Succession{Name: "secret", Turn: 2})
		for turn := range int64(3) {
			late := newPeer(t, b.connect())
			late.says = amqp.Table{}
			session.Succession{Name: "secret", Turn: turn}.Put(late.says)
			late.startOk("guest", "guest")
			tune := expect[*amqp.ConnectionTune](late, 0)
			late.send(0, &amqp.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax})
			late.send(0, &amqp.ConnectionOpen{VirtualHost: "/"})
			if m := expect[*amqp.ConnectionClose](late, 0); m.ReplyCode != uint16(amqp.ConnectionForced) {
				t.Errorf("turn %d: %+v", turn, m)
			}
			late.nc.Close()
		}
		now.declare(1, amqp.QueueDeclare{Queue: "mine"})
	})
}

// Only what the same user says of himself counts.
func TestNobodyIsSucceededByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := withAlice(t, ".*", ".*", ".*")
		own := b.dialAs("guest", "guest", session.Succession{Name: "secret", Turn: 1})
		b.dialAs("guest", "guest", session.Succession{Name: "another", Turn: 2})
		b.dialAs("alice", "wonder", session.Succession{Name: "secret", Turn: 2})
		b.dialAs("guest", "guest", session.Succession{})
		b.dialAs("guest", "guest", session.Succession{})
		own.declare(1, amqp.QueueDeclare{Queue: "mine"})
	})
}

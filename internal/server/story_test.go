package server

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/link"
)

func TestConsumeAckCancel(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.send(1, &amqp.BasicQos{PrefetchCount: 1})
	expect[*amqp.BasicQosOk](p, 1)
	for _, body := range []string{"a", "", "c"} {
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, body)
	}
	tag := p.consume(1, amqp.BasicConsume{Queue: "q"}) // consume-ok precedes the first delivery
	if !strings.HasPrefix(tag, "amq.ctag-") {
		t.Error("tag", tag)
	}
	if d := p.wantDelivery(1, "a"); d.DeliveryTag != 1 || d.ConsumerTag != tag || d.RoutingKey != "q" || d.Redelivered {
		t.Errorf("%+v", d)
	}
	p.send(1, &amqp.BasicNack{DeliveryTag: 1, Requeue: true})
	if d := p.wantDelivery(1, "a"); !d.Redelivered || d.DeliveryTag != 2 {
		t.Errorf("%+v", d)
	}
	p.send(1, &amqp.BasicAck{DeliveryTag: 2})
	p.wantDelivery(1, "")
	p.send(1, &amqp.BasicCancel{ConsumerTag: tag})
	expect[*amqp.BasicCancelOk](p, 1)
	p.send(1, &amqp.BasicReject{DeliveryTag: 3}) // makes room for nobody
	p.quiet(1)
	p.send(1, &amqp.BasicCancel{ConsumerTag: "never was"})
	expect[*amqp.BasicCancelOk](p, 1)
	if ok := p.declare(1, amqp.QueueDeclare{Queue: "q", Passive: true}); ok.MessageCount != 1 || ok.ConsumerCount != 0 {
		t.Errorf("%+v", ok)
	}
	p.send(1, &amqp.BasicGet{Queue: "q"})
	if got := expect[*amqp.BasicGetOk](p, 1); got.DeliveryTag != 4 || got.MessageCount != 0 {
		t.Errorf("%+v", got)
	}
	p.content(1)
	p.send(1, &amqp.BasicGet{Queue: "q", NoAck: true})
	expect[*amqp.BasicGetEmpty](p, 1)
	p.send(1, &amqp.BasicRecover{Requeue: true})
	expect[*amqp.BasicRecoverOk](p, 1)
	p.send(1, &amqp.QueueDelete{Queue: "q"})
	if ok := expect[*amqp.QueueDeleteOk](p, 1); ok.MessageCount != 1 {
		t.Errorf("%+v", ok)
	}
	p.send(1, &amqp.QueueDelete{Queue: "q"}, &amqp.ExchangeDelete{Exchange: "never was"})
	expect[*amqp.QueueDeleteOk](p, 1)
	expect[*amqp.ExchangeDeleteOk](p, 1)
}

func TestAReturnPrecedesItsConfirm(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	for n := range 50 {
		p.publish(1, amqp.BasicPublish{RoutingKey: "nowhere", Mandatory: true}, amqp.Properties{MessageID: "id"}, "m")
		if back := expect[*amqp.BasicReturn](p, 1); back.ReplyCode != 312 || back.ReplyText != "NO_ROUTE" || back.RoutingKey != "nowhere" {
			t.Errorf("%+v", back)
		}
		if props, body := p.content(1); body != "m" || props.MessageID != "id" {
			t.Errorf("%+v %s", props, body)
		}
		if ack := expect[*amqp.BasicAck](p, 1); ack.DeliveryTag != uint64(n+1) {
			t.Errorf("%+v", ack)
		}
	}
}

// So it does where much is to be said at once, in pieces.
func TestEveryReturnPrecedesItsConfirm(t *testing.T) {
	const count = 30
	b := newBroker(t)
	p := b.dial()
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	for range count {
		p.publish(1, amqp.BasicPublish{RoutingKey: "nowhere", Mandatory: true}, amqp.Properties{}, strings.Repeat("x", 50_000))
	}
	returned, confirmed := uint64(0), uint64(0)
	for confirmed < count {
		switch _, m := p.method(); m := m.(type) {
		case *amqp.BasicReturn:
			p.content(1)
			returned++
		case *amqp.BasicAck:
			confirmed = m.DeliveryTag
		}
		if confirmed > returned {
			t.Fatalf("%d confirmed after %d returns", confirmed, returned)
		}
	}
}

// Contents of two channels come in pieces, by turns.
func TestInterleavedChannels(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.openChannel(2)
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.send(1, &amqp.BasicPublish{RoutingKey: "q"})
	p.send(2, &amqp.BasicPublish{RoutingKey: "q"})
	p.write(amqp.AppendHeaderFrame(nil, 1, 60, 4, amqp.RawProperties{0, 0}))
	p.write(amqp.AppendHeaderFrame(nil, 2, 60, 4, amqp.RawProperties{0, 0}))
	p.write(frame(3, 1, "on"))
	p.write(frame(3, 2, "tw"))
	p.write(frame(3, 2, "o2"))
	p.write(frame(3, 1, "e1"))
	p.consume(1, amqp.BasicConsume{Queue: "q"})
	p.wantDelivery(1, "two2")
	p.wantDelivery(1, "one1")
}

func TestBodiesAreCutToTheConsumersFrames(t *testing.T) {
	b := newBroker(t)
	p := newPeer(t, b.connect())
	p.startOk("guest", "guest")
	expect[*amqp.ConnectionTune](p, 0)
	p.frameMax = 4096
	p.send(0, &amqp.ConnectionTuneOk{FrameMax: 4096}, &amqp.ConnectionOpen{VirtualHost: "/"})
	expect[*amqp.ConnectionOpenOk](p, 0)
	p.openChannel(1)
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.consume(1, amqp.BasicConsume{Queue: "q", NoAck: true})
	body := strings.Repeat("0123456789", 10_000)
	b.dial().publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, body)
	p.wantDelivery(1, body)
}

// What is outstanding on a channel that closes goes back, in its order, marked.
func TestAChannelThatClosesGivesBack(t *testing.T) {
	for name, end := range map[string]func(p *peer){
		"closed":           func(p *peer) { p.send(1, &amqp.ChannelClose{}); expect[*amqp.ChannelCloseOk](p, 1) },
		"failed":           func(p *peer) { p.send(1, &amqp.BasicAck{DeliveryTag: 99}); p.end() },
		"hung up":          func(p *peer) { p.send(0, &amqp.ConnectionClose{}); expect[*amqp.ConnectionCloseOk](p, 0) },
		"connection fails": func(p *peer) { p.send(1, &amqp.ChannelFlow{}); p.end() },
		"lost":             func(p *peer) { p.nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t)
			p := b.dial()
			p.declare(1, amqp.QueueDeclare{Queue: "q"})
			p.consume(1, amqp.BasicConsume{Queue: "q"})
			for _, body := range []string{"a", "b", "c"} {
				p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, body)
				p.wantDelivery(1, body)
			}
			p.send(1, &amqp.BasicAck{DeliveryTag: 2})
			p.quiet(1)
			end(p)
			other := b.dial()
			other.consume(1, amqp.BasicConsume{Queue: "q"})
			for _, body := range []string{"a", "c"} {
				if d := other.wantDelivery(1, body); !d.Redelivered {
					t.Errorf("%s is not marked", body)
				}
			}
		})
	}
}

// Where one consumer is served at a time, the next one gets what its predecessor had before anything else.
func TestTheNextConsumerBeginsWhereTheLastOneWas(t *testing.T) {
	b := newBroker(t)
	first, second := b.dial(), b.dial()
	first.declare(1, amqp.QueueDeclare{Queue: "q", Arguments: amqp.Table{"x-single-active-consumer": true}})
	for _, p := range []*peer{first, second} {
		p.send(1, &amqp.BasicQos{PrefetchCount: 2})
		expect[*amqp.BasicQosOk](p, 1)
		p.consume(1, amqp.BasicConsume{Queue: "q"})
	}
	for _, body := range []string{"a", "b", "c", "d"} {
		second.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, body)
	}
	second.quiet(1)
	first.wantDelivery(1, "a")
	first.wantDelivery(1, "b")
	first.nc.Close()
	for _, body := range []string{"a", "b", "c", "d"} {
		d := second.wantDelivery(1, body)
		second.send(1, &amqp.BasicAck{DeliveryTag: d.DeliveryTag})
	}
}

// Both sides close the channel at once: ours is answered, theirs too, and what
// was on its way does no harm.
func TestClosesThatCross(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.send(1, &amqp.BasicAck{DeliveryTag: 9}, &amqp.BasicAck{DeliveryTag: 10}, &amqp.ChannelClose{})
	expect[*amqp.ChannelClose](p, 1)
	expect[*amqp.ChannelCloseOk](p, 1)
	p.send(1, &amqp.ChannelCloseOk{})
	p.openChannel(1)
	p.quiet(1)
	p.send(1, &amqp.ChannelFlow{})
	p.send(0, &amqp.ConnectionClose{})
	expect[*amqp.ConnectionClose](p, 0)
	expect[*amqp.ConnectionCloseOk](p, 0)
	p.send(0, &amqp.ConnectionCloseOk{})
	p.wantHangUp()
}

// Who has read close-ok and comes again finds the names of his exclusive queues free.
func TestExclusiveQueuesAreGoneBeforeCloseOk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		p, other := b.dial(), b.dial()
		p.declare(1, amqp.QueueDeclare{Queue: "mine", Exclusive: true})
		p.send(0, &amqp.ConnectionClose{})
		synctest.Wait() // close-ok was not read yet
		other.declare(1, amqp.QueueDeclare{Queue: "mine"})
		expect[*amqp.ConnectionCloseOk](p, 0)
	})
}

func TestWhoeverConsumesLearnsThatTheQueueIsGone(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.consume(1, amqp.BasicConsume{Queue: "q", ConsumerTag: "c"})
	other := b.dial()
	other.send(1, &amqp.QueueDelete{Queue: "q"})
	expect[*amqp.QueueDeleteOk](other, 1)
	if cancel := expect[*amqp.BasicCancel](p, 1); cancel.ConsumerTag != "c" || !cancel.NoWait {
		t.Errorf("%+v", cancel)
	}
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.consume(1, amqp.BasicConsume{Queue: "q", ConsumerTag: "c"}) // the tag is free
}

// The news that a queue was deleted comes late: the channel was closed, or the
// tag was cancelled and is used again. Then it is no news any more.
func TestNoCancelForWhatIsOver(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.consume(1, amqp.BasicConsume{Queue: "q", ConsumerTag: "c"})
	ch, consumer := b.consumer("c")
	p.send(1, &amqp.BasicCancel{ConsumerTag: "c"})
	expect[*amqp.BasicCancelOk](p, 1)
	p.consume(1, amqp.BasicConsume{Queue: "q", ConsumerTag: "c"})
	ch.Cancelled(consumer)
	if _, now := b.consumer("c"); now == nil || now == consumer {
		t.Error("the new consumer went with the old one")
	}
	_, consumer = b.consumer("c")
	p.send(1, &amqp.ChannelClose{})
	expect[*amqp.ChannelCloseOk](p, 1)
	ch.Cancelled(consumer)
	p.openChannel(1)
	p.quiet(1)
}

// consumer finds the one of a tag, on the only connection there is.
func (b *broker) consumer(tag string) (*channel, *core.Consumer) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	for c := range b.server.conns {
		c.out.mu.Lock()
		defer c.out.mu.Unlock()
		ch := c.channels[1]
		return ch, ch.consumers[tag]
	}
	return nil, nil
}

func TestAskingAndAnsweringDirectly(t *testing.T) {
	b := newBroker(t)
	asks, answers := b.dial(), b.dial()
	answers.declare(1, amqp.QueueDeclare{Queue: "rpc"})
	answers.consume(1, amqp.BasicConsume{Queue: "rpc", NoAck: true})
	asks.consume(1, amqp.BasicConsume{Queue: core.ReplyQueue, NoAck: true, ConsumerTag: "r"})
	asks.publish(1, amqp.BasicPublish{RoutingKey: "rpc"}, amqp.Properties{ReplyTo: core.ReplyQueue, CorrelationID: "7"}, "2+2")
	expect[*amqp.BasicDeliver](answers, 1)
	props, body := answers.content(1)
	if body != "2+2" || props.CorrelationID != "7" || !strings.HasPrefix(props.ReplyTo, core.ReplyQueue+".") {
		t.Errorf("%+v %s", props, body)
	}
	answers.declare(1, amqp.QueueDeclare{Queue: props.ReplyTo, Passive: true})
	answers.publish(1, amqp.BasicPublish{RoutingKey: props.ReplyTo, Mandatory: true}, amqp.Properties{}, "4")
	if d := asks.wantDelivery(1, "4"); d.ConsumerTag != "r" {
		t.Errorf("%+v", d)
	}
	asks.send(1, &amqp.BasicCancel{ConsumerTag: "r"})
	expect[*amqp.BasicCancelOk](asks, 1)
	answers.publish(1, amqp.BasicPublish{RoutingKey: props.ReplyTo, Mandatory: true}, amqp.Properties{}, "too late")
	expect[*amqp.BasicReturn](answers, 1)
}

// One consumer does not read. Its deliveries wait in the queue, from 4 MiB on,
// and go on when it reads again; its neighbours notice nothing.
func TestASlowReader(t *testing.T) {
	const count, size = 100, 128 << 10
	b := newBroker(t)
	slow, quick := b.dial(), b.dial()
	slow.declare(1, amqp.QueueDeclare{Queue: "slow"})
	slow.consume(1, amqp.BasicConsume{Queue: "slow", NoAck: true})
	quick.declare(1, amqp.QueueDeclare{Queue: "quick"})
	quick.consume(1, amqp.BasicConsume{Queue: "quick", NoAck: true})
	body := strings.Repeat("x", size)
	for range count {
		quick.publish(1, amqp.BasicPublish{RoutingKey: "slow"}, amqp.Properties{}, body)
	}
	for range 10 {
		quick.publish(1, amqp.BasicPublish{RoutingKey: "quick"}, amqp.Properties{}, "hello")
		quick.wantDelivery(1, "hello")
	}
	waiting := quick.declare(1, amqp.QueueDeclare{Queue: "slow", Passive: true}).MessageCount
	if sent := (count - waiting) * size; sent < fullOutbox || sent > fullOutbox+3*size { // one is over the bound, and one or two are being written
		t.Errorf("%d of %d messages wait in the queue", waiting, count)
	}
	for range count {
		slow.wantDelivery(1, body)
	}
}

// Who reads nothing for 15 s is cut off, and what it had goes back.
func TestAReaderThatHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		stuck, other := b.dial(), b.dial()
		other.declare(1, amqp.QueueDeclare{Queue: "q"})
		stuck.consume(1, amqp.BasicConsume{Queue: "q"})
		began := time.Now()
		other.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
		other.quiet(1)
		other.consume(1, amqp.BasicConsume{Queue: "q"})
		if d := other.wantDelivery(1, "m"); !d.Redelivered {
			t.Error("not marked as redelivered")
		}
		if took := time.Since(began); took != link.DefaultStall {
			t.Errorf("cut off after %v", took)
		}
		b.wantLog("peer has stopped reading")
	})
}

// Who asks and does not read what is answered has 16 MiB of it kept; what comes then finds nobody.
func TestRepliesThatNobodyReads(t *testing.T) {
	const size = 256 << 10
	b := newBroker(t)
	asks, answers := b.dial(), b.dial()
	answers.declare(1, amqp.QueueDeclare{Queue: "rpc"})
	answers.consume(1, amqp.BasicConsume{Queue: "rpc", NoAck: true})
	asks.consume(1, amqp.BasicConsume{Queue: core.ReplyQueue, NoAck: true})
	asks.publish(1, amqp.BasicPublish{RoutingKey: "rpc"}, amqp.Properties{ReplyTo: core.ReplyQueue}, "?")
	expect[*amqp.BasicDeliver](answers, 1)
	props, _ := answers.content(1)
	answers.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](answers, 1)
	body := strings.Repeat("x", size)
	kept := 0
	for ; ; kept++ {
		answers.publish(1, amqp.BasicPublish{RoutingKey: props.ReplyTo, Mandatory: true}, amqp.Properties{}, body)
		_, m := answers.method()
		if _, returned := m.(*amqp.BasicReturn); returned || kept > 2*maxReplies/size {
			break
		}
	}
	if got := kept * size; got < maxReplies || got > maxReplies+3*size {
		t.Errorf("%d bytes are kept for a client that does not read", got)
	}
	for range kept {
		asks.wantDelivery(1, body)
	}
}

// A client that asks and asks and does not read the answers is not read from
// either, so that what it asked for does not pile up; and be it all in one breath.
func TestAnswersThatNobodyReads(t *testing.T) {
	const count, size = 100, 256 << 10
	for how, ask := range map[string]func(p *peer, get amqp.Method){
		"one by one": func(p *peer, get amqp.Method) {
			for range count {
				p.send(1, get)
			}
		},
		"all at once": func(p *peer, get amqp.Method) { p.send(1, slices.Repeat([]amqp.Method{get}, count)...) },
	} {
		t.Run(how, func(t *testing.T) {
			b := newBroker(t)
			p, other := b.dial(), b.dial()
			other.declare(1, amqp.QueueDeclare{Queue: "q"})
			body := strings.Repeat("x", size)
			for range count {
				other.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, body)
			}
			left := other.declare(1, amqp.QueueDeclare{Queue: "q", Passive: true}).MessageCount // all are there before the first is asked for
			ask(p, &amqp.BasicGet{Queue: "q", NoAck: true})
			b.eventually("the reader has stopped", func() bool {
				before := left
				left = other.declare(1, amqp.QueueDeclare{Queue: "q", Passive: true}).MessageCount
				return left == before && left <= count-fullOutbox/size+1
			})
			if got := (count - left) * size; got > fullOutbox+3*size {
				t.Errorf("%d bytes were taken from the queue for a client that does not read", got)
			}
			for range count {
				expect[*amqp.BasicGetOk](p, 1)
				p.content(1)
			}
		})
	}
}

// A message may be refused for its size; its channel ends, the connection lives.
func TestTooLargeAMessage(t *testing.T) {
	b := newBroker(t, func(c *Config) { c.Limits.MaxMessage = 1000 })
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q"})
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, strings.Repeat("x", 1001))
	const want = "channel PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000 60.40"
	if got := p.end(); got != want {
		t.Error(got)
	}
	p.openChannel(1)
	if ok := p.declare(1, amqp.QueueDeclare{Queue: "q", Passive: true}); ok.MessageCount != 0 {
		t.Errorf("%+v", ok)
	}
}

// What one channel of a connection gives back at its end is not given to another that is about to end, too.
func TestAConnectionThatEndsTakesNothingMore(t *testing.T) {
	for way, leave := range map[string]func(*peer){
		"in good order": (*peer).hangUp,
		"by a mistake":  func(p *peer) { p.send(0, &amqp.ChannelOpen{}); p.end() },
	} {
		t.Run(way, func(t *testing.T) {
			b := newBroker(t)
			p, other := b.dial(), b.dial()
			p.openChannel(2)
			other.declare(1, amqp.QueueDeclare{Queue: "q"})
			p.consume(1, amqp.BasicConsume{Queue: "q"})
			p.consume(2, amqp.BasicConsume{Queue: "q", NoAck: true})
			other.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
			p.wantDelivery(1, "m")
			leave(p)
			other.wantIn("q", "m")
		})
	}
}

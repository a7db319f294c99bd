package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
)

// ask sends a method that is answered by an M.
func ask[M amqp.Method](p *peer, m amqp.Method) M {
	p.t.Helper()
	p.send(1, m)
	return expect[M](p, 1)
}

func (p *peer) begin()    { p.t.Helper(); ask[*amqp.TxSelectOk](p, &amqp.TxSelect{}) }
func (p *peer) commit()   { p.t.Helper(); ask[*amqp.TxCommitOk](p, &amqp.TxCommit{}) }
func (p *peer) rollback() { p.t.Helper(); ask[*amqp.TxRollbackOk](p, &amqp.TxRollback{}) }

// take gets messages that are to be settled.
func (p *peer) take(queue string, bodies ...string) (tags []uint64) {
	p.t.Helper()
	for _, want := range bodies {
		got := ask[*amqp.BasicGetOk](p, &amqp.BasicGet{Queue: queue})
		if _, body := p.content(1); body != want {
			p.t.Errorf("got %q, want %q", body, want)
		}
		tags = append(tags, got.DeliveryTag)
	}
	return tags
}

func (p *peer) post(queue string, bodies ...string) {
	p.t.Helper()
	for _, body := range bodies {
		p.publish(1, amqp.BasicPublish{RoutingKey: queue, Mandatory: true}, amqp.Properties{DeliveryMode: 2}, body)
	}
}

// Publishes and settlements happen at the commit, all of them; until then nobody sees them.
func TestCommit(t *testing.T) {
	p := dialAny(t)
	defer p.hangUp()
	p.declare(1, *mine("pr-q"))
	p.declare(1, *mine("pr-r"))
	p.post("pr-r", "a", "b", "c")
	p.begin()
	p.post("pr-q", "1", "2")
	tags := p.take("pr-r", "a", "b", "c")
	p.send(1, &amqp.BasicAck{DeliveryTag: tags[0]}, &amqp.BasicReject{DeliveryTag: tags[2], Requeue: true}, &amqp.BasicAck{DeliveryTag: tags[1]})
	p.wantIn("pr-q")
	p.wantIn("pr-r")
	p.commit()
	p.wantIn("pr-q", "1", "2")
	p.wantIn("pr-r", "c")
	p.commit() // of nothing
	p.post("pr-nobody", "lost")
	p.wantIn("pr-q") // the answer to a get precedes the return
	p.send(1, &amqp.TxCommit{})
	expect[*amqp.BasicReturn](p, 1)
	p.content(1)
	expect[*amqp.TxCommitOk](p, 1)
}

// After a rollback nothing was published, and what was settled can be settled again.
func TestRollback(t *testing.T) {
	p := dialAny(t)
	defer p.hangUp()
	p.declare(1, *mine("pr-q"))
	p.post("pr-q", "a", "b", "c")
	p.begin()
	tags := p.take("pr-q", "a", "b", "c")
	p.post("pr-q", "never")
	p.send(1, &amqp.BasicAck{DeliveryTag: tags[1], Multiple: true}, &amqp.BasicNack{Multiple: true})
	p.rollback()
	p.wantIn("pr-q") // all three are out
	p.send(1, &amqp.BasicAck{DeliveryTag: tags[0]}, &amqp.BasicNack{DeliveryTag: tags[2], Multiple: true, Requeue: true})
	p.commit()
	p.wantIn("pr-q", "b", "c")
	p.rollback() // of nothing
}

// What a transaction has settled is not returned by recover, and goes back when the channel closes.
func TestAnOpenTransactionEnds(t *testing.T) {
	p := dialAny(t)
	defer p.hangUp()
	p.declare(1, *mine("pr-q"))
	p.post("pr-q", "a", "b")
	p.begin()
	tags := p.take("pr-q", "a", "b")
	p.send(1, &amqp.BasicAck{DeliveryTag: tags[0]})
	ask[*amqp.BasicRecoverOk](p, &amqp.BasicRecover{Requeue: true})
	p.take("pr-q", "b")
	p.wantIn("pr-q")
	p.post("pr-q", "never")
	ask[*amqp.ChannelCloseOk](p, &amqp.ChannelClose{})
	p.openChannel(1)
	p.wantIn("pr-q", "a", "b")
}

// Settlements that are held keep their consumer's credit.
func TestATransactionHoldsTheCredit(t *testing.T) {
	p := dialAny(t)
	defer p.hangUp()
	p.declare(1, *mine("pr-q"))
	ask[*amqp.BasicQosOk](p, &amqp.BasicQos{PrefetchCount: 1})
	p.post("pr-q", "a", "b")
	p.begin()
	p.consume(1, amqp.BasicConsume{Queue: "pr-q"})
	d := p.wantDelivery(1, "a")
	p.send(1, &amqp.BasicAck{DeliveryTag: d.DeliveryTag})
	p.quiet(1)
	p.send(1, &amqp.TxCommit{})
	p.wantInAnyOrder(func() { expect[*amqp.TxCommitOk](p, 1) }, func() { p.wantDelivery(1, "b") })
}

// wantInAnyOrder reads a delivery with its content and an answer.
func (p *peer) wantInAnyOrder(answer, delivery func()) {
	p.t.Helper()
	f, err := p.frame()
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := amqp.ParseMethod(f.Payload, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	b, _ := m.AppendFrame(nil, f.Channel)
	p.got = append(b, p.got...)
	if m.ID() == amqp.BasicDeliverID {
		delivery()
		answer()
		return
	}
	answer()
	delivery()
}

// A transaction that grows and grows is refused, and its memory given back.
func TestATransactionIsBounded(t *testing.T) {
	p := newBroker(t).dial()
	p.declare(1, *mine("pr-q"))
	p.begin()
	body := strings.Repeat("x", 10<<20)
	for range 7 {
		p.post("pr-q", body)
	}
	if got, want := p.end(), fmt.Sprintf("channel PRECONDITION_FAILED - transaction holds more than %d bytes 60.40", maxTransaction); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	p.hangUp()
}

// Commit-ok means durable: what a crash leaves has all of it.
func TestACommitIsDurable(t *testing.T) {
	mem := disk.NewMem()
	open := func(c *Config) {
		var err error
		if c.Core, err = core.Open(core.Config{FS: mem}); err != nil {
			t.Fatal(err)
		}
	}
	p := newBroker(t, open).dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q", Durable: true})
	p.declare(1, amqp.QueueDeclare{Queue: "r", Durable: true})
	p.begin()
	p.post("q", "old")
	p.commit()
	tags := p.take("q", "old")
	p.post("r", "new")
	p.send(1, &amqp.BasicAck{DeliveryTag: tags[0]})
	p.commit()
	p.post("r", "never")
	mem = mem.Crash(1)
	p.hangUp()
	p = newBroker(t, open).dial()
	defer p.hangUp()
	p.wantIn("q")
	p.wantIn("r", "new")
}

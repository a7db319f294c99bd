package server

import (
	"crypto/rand"
	"encoding/base64"
	"errors"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

func (ch *channel) qos(m *amqp.BasicQos) error {
	if m.PrefetchSize != 0 {
		return amqp.Errorf(amqp.NotImplemented, "prefetch_size!=0 (%d)", m.PrefetchSize)
	}
	if m.Global {
		ch.limit(int(m.PrefetchCount))
	} else {
		ch.prefetch.Store(uint32(m.PrefetchCount))
	}
	return ch.answer(false, &amqp.BasicQosOk{})
}

func (ch *channel) consume(m *amqp.BasicConsume) error {
	c := ch.conn
	c.consumes = true
	name, err := ch.named(m.Queue)
	if err != nil {
		return err
	}
	tag := m.ConsumerTag
	if tag == "" {
		tag = randomTag()
	}
	if ch.consumes(tag) {
		return amqp.Errorf(amqp.NotAllowed, "attempt to reuse consumer tag '%s'", tag)
	}
	if name == core.ReplyQueue {
		return ch.consumeReplies(m, tag)
	}
	spec := core.ConsumeSpec{
		Queue:     name,
		Tag:       tag,
		Channel:   ch.number,
		Prefetch:  uint16(ch.prefetch.Load()),
		NoAck:     m.NoAck,
		Exclusive: m.Exclusive,
	}
	if err := spec.Ask(c.client.VHost, m.Arguments); err != nil {
		if _, missing := c.client.InspectQueue(&c.burst, name); missing != nil {
			return missing // RabbitMQ looks for the queue first
		}
		return err
	}
	_, err = c.client.Consume(c.ctx, &c.burst, spec, ch, func(consumer *core.Consumer) { ch.started(consumer, m.NoWait) })
	return err
}

func (ch *channel) consumes(tag string) bool {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	_, ok := ch.consumers[tag]
	return ok || ch.replies != nil && ch.replies.Consumer().Tag == tag
}

// started is called before the first delivery, so consume-ok precedes it.
func (ch *channel) started(consumer *core.Consumer, noWait bool) {
	o := &ch.conn.out
	o.mu.Lock()
	defer o.mu.Unlock()
	ch.consumers[consumer.Tag] = consumer
	if noWait {
		return
	}
	if frame, err := (&amqp.BasicConsumeOk{ConsumerTag: consumer.Tag}).AppendFrame(nil, ch.number); err == nil {
		o.put(item{frames: frame})
	}
}

// consumeReplies subscribes to direct replies.
func (ch *channel) consumeReplies(m *amqp.BasicConsume, tag string) error {
	switch {
	case !m.NoAck:
		return amqp.Errorf(amqp.PreconditionFailed, "reply consumer cannot acknowledge")
	case ch.replies != nil:
		return amqp.Errorf(amqp.PreconditionFailed, "reply consumer already set")
	}
	ch.replies = ch.conn.client.ConsumeReplies(tag, ch.number, ch)
	return ch.answer(m.NoWait, &amqp.BasicConsumeOk{ConsumerTag: tag})
}

// cancel ends a consumer; one that is not there has ended already.
func (ch *channel) cancel(m *amqp.BasicCancel) error {
	if ch.replies != nil && ch.replies.Consumer().Tag == m.ConsumerTag {
		ch.replies.Cancel()
		ch.replies = nil
	} else if consumer := ch.takeConsumer(m.ConsumerTag); consumer != nil {
		consumer.Cancel(&ch.conn.burst)
		ch.forget(consumer)
	}
	return ch.answer(m.NoWait, &amqp.BasicCancelOk{ConsumerTag: m.ConsumerTag})
}

func (ch *channel) takeConsumer(tag string) *core.Consumer {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	consumer := ch.consumers[tag]
	delete(ch.consumers, tag)
	return consumer
}

// forget follows the end of a consumer.
func (ch *channel) forget(consumer *core.Consumer) {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	ch.credit.forget(consumer)
}

// fate is what becomes of deliveries that leave a channel's books.
type fate uint8

const (
	acknowledged fate = iota
	givenBack
	discarded
)

var settlements = [...]func(*core.Queue, *core.Burst, ...uint64){
	acknowledged: (*core.Queue).Settle,
	givenBack:    (*core.Queue).Requeue,
	discarded:    (*core.Queue).Discard,
}

func refusal(requeue bool) fate {
	if requeue {
		return givenBack
	}
	return discarded
}

// settle ends or returns deliveries by their tags; in a transaction, when that is committed.
func (ch *channel) settle(tag uint64, multiple bool, how fate) error {
	if ch.tx != nil {
		return ch.holdSettlement(tag, multiple, how)
	}
	return ch.settleNow(tag, multiple, how)
}

func (ch *channel) settleNow(tag uint64, multiple bool, how fate) error {
	c := ch.conn
	c.settling = c.settling[:0]
	starved, err := ch.strike(tag, multiple)
	if err != nil {
		return err
	}
	c.eachQueue(func(q *core.Queue, positions []uint64) { settlements[how](q, &c.burst, positions...) })
	ch.resume(starved)
	return nil
}

// strike moves what tag means from the channel's books to conn.settling, and
// returns the consumers that may go on because of it.
func (ch *channel) strike(tag uint64, multiple bool) (starved []*core.Consumer, err error) {
	c := ch.conn
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if err := ch.outstanding.Settle(tag, multiple, ch.struck); err != nil {
		return nil, err
	}
	return ch.credit.relieved(), nil
}

// struck is called for each delivery that leaves the books. The caller holds out.mu.
func (ch *channel) struck(o outstanding) {
	if o.pos&byGet != 0 {
		o.pos &^= byGet
	} else {
		ch.credit.held--
	}
	ch.credit.unsettled.strike(o.size)
	ch.conn.settling = append(ch.conn.settling, o)
}

// recover returns all that is outstanding to its queues, at once even in a
// transaction; what that has settled is not outstanding.
//
// RabbitMQ does not implement requeue=false, which would redeliver to the
// same consumer.
func (ch *channel) recover(requeue bool, answer amqp.Method) error {
	if !requeue {
		return amqp.Errorf(amqp.NotImplemented, "requeue=false")
	}
	if err := ch.settleNow(0, true, givenBack); err != nil || answer == nil {
		return err
	}
	return ch.answer(false, answer)
}

// get looks again where what it found cannot be read, or went with its queue meanwhile.
func (ch *channel) get(m *amqp.BasicGet) error {
	c := ch.conn
	name, err := ch.named(m.Queue)
	if err != nil {
		return err
	}
	for {
		q, d, left, ok, err := c.client.Get(c.ctx, &c.burst, name, m.NoAck)
		if err != nil {
			return err
		}
		if !ok {
			return ch.answer(false, &amqp.BasicGetEmpty{})
		}
		if err := c.load(&d); err == nil {
			return ch.giveTo(m, q, &d, left)
		} else if !errors.Is(err, core.ErrLost) && !errors.Is(err, core.ErrSettled) {
			return err
		}
	}
}

// load reads the message of d where it was paged out.
func (c *conn) load(d *core.Delivery) (err error) {
	if d.Message == nil {
		d.Message, err = c.loader.Load(d.Paged)
	}
	return err
}

// giveTo answers a basic.get with what was found. A client may ask for thousands in one breath, so errStuffed says when it is enough.
func (ch *channel) giveTo(m *amqp.BasicGet, q *core.Queue, d *core.Delivery, left int) error {
	got := amqp.BasicGetOk{
		DeliveryTag:  ch.bookGet(m.NoAck, outstanding{queue: q, pos: d.Pos, size: bodySize(d)}),
		Redelivered:  d.Redelivered,
		Exchange:     d.Message.Exchange,
		RoutingKey:   d.Message.Key,
		MessageCount: uint32(left),
	}
	frames, err := got.AppendFrame(nil, ch.number)
	if err != nil {
		return err
	}
	if ch.conn.sendOwned(appendContent(frames, ch.number, d.Message, ch.conn.session.FrameMax())) {
		return errStuffed
	}
	return nil
}

func (ch *channel) bookGet(noAck bool, o outstanding) (tag uint64) {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	if noAck {
		return ch.outstanding.Skip()
	}
	o.pos |= byGet
	ch.credit.unsettled.add(o.size)
	return ch.outstanding.Add(o)
}

func randomTag() string {
	var bits [16]byte
	rand.Read(bits[:]) // never fails
	return "amq.ctag-" + base64.RawURLEncoding.EncodeToString(bits[:])
}

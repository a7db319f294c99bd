package sim

import (
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// step does what a step of the program has the client do. One who is not
// connected connects; one who has not got so far does nothing.
func (c *client) step(k Kind) {
	w := c.world
	if c.peer == nil {
		c.connect()
		w.micro(40)
	}
	if c.peer == nil || !c.ready || w.dead {
		return
	}
	switch k {
	case Cut:
		c.cut()
		return
	case Disconnect:
		w.tracef("client %d closes its connection", c.id)
		c.send(0, &amqp.ConnectionClose{ReplyCode: 200})
		c.leave()
		return
	case Stall:
		c.stalled = !c.stalled
		return
	}
	if !c.open || c.peer.wire.cut != nil {
		return
	}
	switch k {
	case Publish:
		for range 1 + w.rnd.IntN(6) {
			c.publish()
		}
	case Consume:
		c.consume()
	case Cancel:
		c.cancel()
	case Get:
		c.get(w.queues[w.rnd.IntN(len(w.queues))], w.rnd.IntN(5) == 0)
	case Ack:
		c.settle(w.rnd.IntN(3), func(tag uint64, multiple bool) amqp.Method {
			return &amqp.BasicAck{DeliveryTag: tag, Multiple: multiple}
		}, acked)
	case Nack:
		c.refuse()
	case Recover:
		c.recover()
	case Commit:
		c.endTx()
	case CloseChannel:
		w.tracef("client %d closes its channel", c.id)
		c.send(1, &amqp.ChannelClose{ReplyCode: 200})
		c.resetChannel()
		c.closing = true
	case Topology:
		c.changeTopology()
	case Purge:
		c.purge(w.queues[w.rnd.IntN(len(w.queues))])
	}
	if k != Commit && w.rnd.IntN(2) == 0 {
		c.endTx()
	}
}

// cut breaks the connection, anywhere: some of what is under way arrives.
func (c *client) cut() {
	w, p := c.world, c.peer
	w.tracef("the connection of client %d is cut", c.id)
	if n := len(p.wire.up); n > 0 {
		p.wire.deliverUp(w.rnd.IntN(n + 1))
	}
	if n := len(p.wire.down); n > 0 {
		c.receive(w.rnd.IntN(n + 1))
	}
	p.wire.breakOff(w.rnd.IntN(2) == 0)
	w.lost(p)
}

// maxDelay is the longest time that a message is delayed.
const maxDelay = 150 * time.Millisecond

// maxLife is longer than any time that a message may stay in a queue, if there is one.
const maxLife = 250 * time.Millisecond

func (c *client) publish() {
	w := c.world
	m := &message{client: c.id, conn: c.peer.number, persistent: w.rnd.IntN(4) > 0, mandatory: w.rnd.IntN(4) == 0, size: 12 + w.rnd.IntN(120)}
	switch w.rnd.IntN(10) {
	case 0:
		m.exchange = fanoutX
	case 1, 2, 3:
		m.exchange, m.key = directX, w.queues[w.rnd.IntN(len(w.queues))].Name
	case 4:
		m.exchange, m.key = directX, "nowhere"
	case 5:
		m.key = w.queues[w.rnd.IntN(len(w.queues))].Name
		if w.program.Setup.Delayed {
			m.exchange, m.delay = delayedX, 1+w.rnd.IntN(int(maxDelay/time.Millisecond))
		}
	default:
		m.key = w.queues[w.rnd.IntN(len(w.queues)-1)].Name
	}
	if w.rnd.IntN(4) == 0 {
		m.priority = uint8(w.rnd.IntN(5))
	}
	if w.rnd.IntN(12) == 0 {
		m.expires = 1 + w.rnd.IntN(100)
	}
	if w.rnd.IntN(30) == 0 {
		m.size = 9000
	}
	if w.program.Setup.Shares && w.rnd.IntN(5) == 0 {
		m.exchange, m.key, m.delay = sharedX, fmt.Sprint("key", w.rnd.IntN(8)), 0
	} else if w.rnd.IntN(8) == 0 {
		m.cc, m.bcc = c.moreKeys(), c.moreKeys()
	}
	w.ledger.add(m)
	c.published++
	if c.tx != nil {
		m.held = true
		c.tx.publishes = append(c.tx.publishes, m)
	} else {
		c.unconfirmed = append(c.unconfirmed, publishing{c.published, m})
	}
	w.tracef("client %d publishes %s", c.id, m)
	c.put(m.frames())
}

// moreKeys are up to two, which may be the same as others.
func (c *client) moreKeys() (keys []string) {
	w := c.world
	for range w.rnd.IntN(3) {
		key := "nowhere"
		if w.rnd.IntN(4) > 0 {
			key = w.queues[w.rnd.IntN(len(w.queues))].Name
		}
		keys = append(keys, key)
	}
	return keys
}

func (c *client) consume() {
	w := c.world
	if len(c.consumers) >= 3 {
		return
	}
	if n := uint16(w.rnd.IntN(5)); n != c.prefetch || c.subscribed == 0 {
		c.prefetch = n
	}
	c.subscribed++
	x := &consumer{
		tag: fmt.Sprintf("c%d.%d", c.id, c.subscribed), queue: w.queues[w.rnd.IntN(len(w.queues))],
		noAck: w.rnd.IntN(8) == 0, prefetch: c.prefetch, last: map[[2]int]int{},
	}
	c.ask(&amqp.BasicQos{PrefetchCount: c.prefetch}, expect(amqp.BasicQosOkID))
	if w.program.Setup.Channels && w.rnd.IntN(3) == 0 {
		c.limitChannel(uint16(w.rnd.IntN(6)))
	}
	w.tracef("client %d consumes from %s as %s, prefetch %d, no-ack %t", c.id, x.queue.Name, x.tag, x.prefetch, x.noAck)
	c.subscribe(x)
}

// limitChannel asks for a limit of what all consumers have together.
func (c *client) limitChannel(n uint16) {
	c.world.tracef("client %d takes %d deliveries at a time", c.id, n)
	c.limiting++
	c.ask(&amqp.BasicQos{PrefetchCount: n, Global: true}, func(m amqp.Method) bool {
		c.limit = n
		c.limiting--
		return m == nil || m.ID() == amqp.BasicQosOkID
	})
}

// held is how many deliveries to its consumers the broker waits for.
func (c *client) held() (n int) {
	for _, d := range c.outstanding {
		if d.by != nil {
			n++
		}
	}
	if c.tx != nil {
		for _, s := range c.tx.settles {
			if s.by != nil {
				n++
			}
		}
	}
	return n
}

func (c *client) subscribe(x *consumer) {
	if x.noAck {
		c.peer.noAck = append(c.peer.noAck, x.queue)
	}
	x.queue.asked = true
	c.consumers = append(c.consumers, x)
	c.ask(&amqp.BasicConsume{Queue: x.queue.Name, ConsumerTag: x.tag, NoAck: x.noAck}, func(m amqp.Method) bool {
		if m == nil {
			return true
		}
		ok, is := m.(*amqp.BasicConsumeOk)
		x.started = true
		return is && ok.ConsumerTag == x.tag
	})
}

func (c *client) cancel() {
	w := c.world
	if len(c.consumers) == 0 {
		return
	}
	x := c.consumers[w.rnd.IntN(len(c.consumers))]
	if x.leaving {
		return
	}
	x.leaving = true
	w.tracef("client %d cancels %s", c.id, x.tag)
	c.ask(&amqp.BasicCancel{ConsumerTag: x.tag}, func(m amqp.Method) bool {
		for i, y := range c.consumers {
			if y == x && m != nil {
				c.consumers = append(c.consumers[:i:i], c.consumers[i+1:]...)
			}
		}
		return m == nil || m.ID() == amqp.BasicCancelOkID
	})
}

func (c *client) get(q *queueState, noAck bool) {
	c.world.tracef("client %d gets from %s, no-ack %t", c.id, q.Name, noAck)
	q.asked = true
	if noAck {
		c.peer.noAck = append(c.peer.noAck, q)
	}
	c.ask(&amqp.BasicGet{Queue: q.Name, NoAck: noAck}, func(m amqp.Method) bool {
		got, ok := m.(*amqp.BasicGetOk)
		q.disturbed = q.disturbed || m == nil
		c.empty = m != nil && !ok
		if ok {
			c.got(q, noAck, got)
		}
		return m == nil || ok || m.ID() == amqp.BasicGetEmptyID
	})
}

// How deliveries are settled.
const (
	acked = iota
	requeued
	rejected
)

// settle settles one delivery (0), all up to one (1) or all (2).
func (c *client) settle(mode int, method func(uint64, bool) amqp.Method, how int) {
	n := len(c.outstanding)
	if n == 0 {
		return
	}
	at := c.world.rnd.IntN(n)
	tag, from, to := c.outstanding[at].tag, at, at+1
	switch mode {
	case 1:
		from = 0
	case 2: // not tag 0, which means also what is still under way
		tag, from, to = c.outstanding[n-1].tag, 0, n
	}
	c.world.tracef("client %d settles %d (%v) as %d", c.id, tag, mode > 0, how)
	c.send(1, method(tag, mode > 0))
	if c.tx != nil {
		c.tx.settle(c.outstanding[from:to], how)
		c.outstanding = append(c.outstanding[:from:from], c.outstanding[to:]...)
		return
	}
	m := mark{sent: c.peer.wire.sent, asked: c.asked, how: how}
	for _, d := range c.outstanding[from:to] {
		d.settledAs(how)
		m.copies = append(m.copies, d.copy)
	}
	c.outstanding = append(c.outstanding[:from:from], c.outstanding[to:]...)
	c.peer.marks = append(c.peer.marks, m)
}

func (d *delivery) settledAs(how int) {
	if d.by != nil {
		d.by.unacked--
	}
	switch how {
	case acked:
		d.copy.acked = true
	case requeued:
		d.copy.queue.disturbed = true
	case rejected:
		d.copy.rejected = true
	}
}

func (c *client) eachOutstanding(f func(*delivery)) {
	for i := range c.outstanding {
		d := &c.outstanding[i]
		if d.by != nil {
			d.by.unacked--
		}
		f(d)
	}
}

// recover asks for all that is outstanding again. What is under way meanwhile
// could not be told from what comes again; so nothing is.
func (c *client) recover() {
	w := c.world
	if c.stalled || !c.catchUp() {
		return
	}
	w.tracef("client %d recovers", c.id)
	c.eachOutstanding(func(d *delivery) { d.copy.queue.disturbed = true })
	c.outstanding = nil
	c.ask(&amqp.BasicRecover{Requeue: true}, expect(amqp.BasicRecoverOkID))
	c.catchUp()
}

// catchUp exchanges all that is under way with the broker, and reports whether nothing is.
func (c *client) catchUp() bool {
	p := c.peer
	for range 100 {
		busy := false
		for what := range 4 {
			busy = c.world.actPeer(p, what, 1<<30) || busy
			if c.world.dead || c.peer != p || !c.open {
				return false
			}
		}
		if !busy {
			return p.wire.reading
		}
	}
	return false
}

// refuse nacks or rejects.
func (c *client) refuse() {
	w := c.world
	how := []int{requeued, rejected}[w.rnd.IntN(2)]
	if w.rnd.IntN(2) == 0 {
		c.settle(0, func(tag uint64, _ bool) amqp.Method {
			return &amqp.BasicReject{DeliveryTag: tag, Requeue: how == requeued}
		}, how)
		return
	}
	c.settle(w.rnd.IntN(3), func(tag uint64, multiple bool) amqp.Method {
		return &amqp.BasicNack{DeliveryTag: tag, Multiple: multiple, Requeue: how == requeued}
	}, how)
}

// declare declares a queue and its bindings.
func (c *client) declare(q *queueState) {
	epoch, binds := c.world.epoch, q.bindings(&c.world.program.Setup)
	changes := q.changes // whoever changes it from now on may come first, or last
	for i := -1; i < len(binds); i++ {
		var m amqp.Method = q.declare()
		want := amqp.QueueDeclareOkID
		if i >= 0 {
			m, want = binds[i], amqp.QueueBindOkID
		}
		c.ask(m, func(m amqp.Method) bool {
			if m == nil {
				return true
			}
			if ok, is := m.(*amqp.QueueDeclareOk); is {
				c.count = int(ok.MessageCount)
			}
			if i == len(binds)-1 && c.world.epoch == epoch && changes == q.changes && q.changing == 0 && !q.stable && !q.vague {
				q.becomes(true)
			}
			return m.ID() == want
		})
	}
}

// changeTopology declares, unbinds or deletes the queue that comes and goes.
func (c *client) changeTopology() {
	w := c.world
	q := w.queue(volatileQueue)
	if q == nil {
		return
	}
	switch w.rnd.IntN(4) {
	case 0:
		w.tracef("client %d deletes %s", c.id, q.Name)
		q.becomes(false)
		q.changing++
		c.ask(&amqp.QueueDelete{Queue: q.Name}, c.clears(q, amqp.QueueDeleteOkID))
	case 1:
		w.tracef("client %d unbinds %s", c.id, q.Name)
		q.becomes(false)
		q.changing++
		c.ask(&amqp.QueueUnbind{Queue: q.Name, Exchange: directX, RoutingKey: q.Name}, func(m amqp.Method) bool {
			q.becomes(false)
			q.changing--
			q.vague = q.vague || m == nil
			return m == nil || m.ID() == amqp.QueueUnbindOkID
		})
	default:
		w.tracef("client %d declares %s", c.id, q.Name)
		c.declare(q)
	}
}

// clears is the answer to what may empty a queue.
func (c *client) clears(q *queueState, id amqp.MethodID) func(amqp.Method) bool {
	w := c.world
	q.clearing++
	return func(m amqp.Method) bool {
		q.clearing--
		w.moves++
		q.vague = q.vague || m == nil
		q.cleared = w.moves
		if id == amqp.QueueDeleteOkID {
			q.becomes(false)
			q.changing--
			q.disturbed = true
		}
		return m == nil || m.ID() == id
	}
}

func (c *client) purge(q *queueState) {
	c.world.tracef("client %d purges %s", c.id, q.Name)
	c.ask(&amqp.QueuePurge{Queue: q.Name}, c.clears(q, amqp.QueuePurgeOkID))
}

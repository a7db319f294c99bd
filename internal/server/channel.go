package server

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/session"
)

// channel is one channel of a connection, and the sink of its consumers.
type channel struct {
	conn   *conn
	number uint16

	// Owned by R.
	publisher *core.Publisher
	confirmed atomic.Bool   // confirm.select was sent; R changes it, others look
	prefetch  atomic.Uint32 // for consumers to come; likewise
	lastQueue string        // declared on this channel, meant by an empty name
	fresh     string        // the name that was made for the last queue without one
	granted   granted
	replies   *core.ReplyConsumer
	tx        *transaction // nil unless tx.select was sent
	held      bool         // its publishes are neither taken nor refused any more: a queue would not have them

	// Guarded by conn.out.mu.
	outstanding session.Ledger[outstanding]
	consumers   map[string]*core.Consumer
	confirms    session.ConfirmQueue
	confirming  bool // in conn.out.confirming
	credit      credit
	ages        ages

	exhausted exhaustion
}

// exhaustion is whether a channel held all that it may leave unsettled, which is
// logged once: by Wake, for who finds out holds locks.
type exhaustion struct {
	met  bool        // guarded by conn.out.mu
	tell atomic.Bool // it is to be logged
}

// outstanding is a delivery that waits for its settlement.
type outstanding struct {
	queue    *core.Queue
	pos      uint64        // with byGet set when it was asked for with basic.get
	patience time.Duration // of its consumer; 0 = as the queue says
	size     uint32        // of the body
}

const byGet = 1 << 63

func (c *conn) openChannel(n uint16) {
	ch := &channel{
		conn:      c,
		number:    n,
		publisher: c.client.VHost.NewPublisher(),
		consumers: map[string]*core.Consumer{},
		credit:    credit{most: unsettled{c.server.cfg.MaxUnsettled, c.server.cfg.MaxUnsettledBytes}},
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for len(c.channels) <= int(n) {
		c.channels = append(c.channels, nil)
	}
	c.channels[n] = ch
}

// closeChannel releases what a channel holds, if it is open: its consumers end,
// what they had goes back to the queues.
func (c *conn) closeChannel(n uint16) {
	if int(n) >= len(c.channels) || c.channels[n] == nil {
		return
	}
	ch := c.channels[n]
	c.forgetChannel(n)
	if ch.replies != nil {
		ch.replies.Cancel()
	}
	ch.undo()
	consumers := ch.takeConsumers()
	for _, consumer := range consumers {
		consumer.Halt()
	}
	c.settling = c.settling[:0]
	ch.takeOutstanding()
	c.eachQueue(func(q *core.Queue, positions []uint64) { q.Requeue(&c.burst, positions...) })
	for _, consumer := range consumers {
		consumer.Cancel(&c.burst)
	}
}

func (c *conn) forgetChannel(n uint16) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.channels[n] = nil
}

// halt ends the deliveries to all consumers.
func (ch *channel) halt() {
	ch.conn.out.mu.Lock()
	consumers := slices.Collect(maps.Values(ch.consumers))
	ch.conn.out.mu.Unlock()
	for _, consumer := range consumers {
		consumer.Halt()
	}
}

func (ch *channel) takeConsumers() []*core.Consumer {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	list := make([]*core.Consumer, 0, len(ch.consumers))
	for _, tag := range slices.Sorted(maps.Keys(ch.consumers)) {
		list = append(list, ch.consumers[tag])
	}
	ch.consumers = nil
	return list
}

// takeOutstanding empties the channel's books; its confirms are never sent.
func (ch *channel) takeOutstanding() {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	ch.outstanding.Settle(0, true, ch.struck)
	ch.confirms = session.ConfirmQueue{}
}

// eachQueue walks conn.settling in runs of one queue.
func (c *conn) eachQueue(settle func(*core.Queue, []uint64)) {
	for i := 0; i < len(c.settling); {
		q := c.settling[i].queue
		c.positions = c.positions[:0]
		for ; i < len(c.settling) && c.settling[i].queue == q; i++ {
			c.positions = append(c.positions, c.settling[i].pos)
		}
		settle(q, c.positions)
	}
	if cap(c.settling) > keepSettling {
		c.settling, c.positions = nil, nil
	}
}

// keepSettling is up to how many deliveries that end together there is room kept for.
const keepSettling = 8 << 10

// Deliver implements core.Sink.
func (ch *channel) Deliver(d core.Delivery) core.Taken {
	o := &ch.conn.out
	o.mu.Lock()
	defer o.mu.Unlock()
	var tag uint64
	switch {
	case d.Consumer.Queue == nil && o.weight >= maxReplies:
		return core.Taken{Refused: true}
	case d.Consumer.NoAck:
		tag = ch.outstanding.Skip()
	case !ch.credit.take(d.Consumer, bodySize(&d)):
		return core.Taken{Refused: true, Wake: ch.exhaustedNow()}
	default:
		tag = ch.outstanding.Add(outstanding{d.Consumer.Queue, d.Pos, d.Consumer.Patience, bodySize(&d)})
	}
	wake := o.put(item{message: d.Message, paged: d.Paged, consumer: d.Consumer, tag: tag, redelivered: d.Redelivered})
	full := o.weight >= fullOutbox && d.Consumer.Queue != nil
	if full && !slices.Contains(o.pausing, d.Consumer) { // what else its event brought comes, too
		o.pausing = append(o.pausing, d.Consumer)
	}
	return core.Taken{Wake: wake, Full: full}
}

func bodySize(d *core.Delivery) uint32 {
	if d.Message != nil {
		return uint32(len(d.Message.Body))
	}
	return uint32(d.Paged.Size())
}

// exhaustedNow says whether somebody has to be told that the channel holds all that
// it may. The caller holds out.mu.
func (ch *channel) exhaustedNow() bool {
	if ch.exhausted.met || !ch.credit.exhausted() {
		return false
	}
	ch.exhausted.met = true
	ch.exhausted.tell.Store(true)
	return true
}

// undelivered strikes a delivery that could not be made from the channel's books.
func (ch *channel) undelivered(tag uint64) {
	var b core.Burst
	b.Begin(ch.conn.core.Now())
	ch.resumeIn(&b, ch.forgo(tag))
	b.End()
}

func (ch *channel) forgo(tag uint64) (starved []*core.Consumer) {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	// One that is not in the books was settled unseen, or needs no acknowledgement.
	_ = ch.outstanding.Settle(tag, false, func(o outstanding) {
		ch.credit.held--
		ch.credit.unsettled.strike(o.size)
	})
	return ch.credit.relieved()
}

// Cancelled implements core.Sink: the client is told, if it understands.
func (ch *channel) Cancelled(consumer *core.Consumer) {
	o := &ch.conn.out
	o.mu.Lock()
	defer o.mu.Unlock()
	ch.credit.forget(consumer)
	if ch.consumers[consumer.Tag] != consumer {
		return // cancelled or gone with its channel meanwhile: it was answered already
	}
	delete(ch.consumers, consumer.Tag)
	if !ch.conn.session.Peer().Has("consumer_cancel_notify") {
		return
	}
	cancel := amqp.BasicCancel{ConsumerTag: consumer.Tag, NoWait: true}
	if frame, err := cancel.AppendFrame(nil, ch.number); err == nil {
		o.put(item{frames: frame})
	}
}

// Wake implements core.Sink.
func (ch *channel) Wake(b *core.Burst) {
	if ch.exhausted.tell.Load() && ch.exhausted.tell.Swap(false) {
		ch.conn.log.Warn("a channel has as many deliveries unsettled as it may: more wait in their queues until some are acknowledged",
			"channel", ch.number, "max-unsettled", ch.credit.most.messages, "max-unsettled-bytes", ch.credit.most.bytes)
	}
	if b.Urgent && !ch.conn.crowded.Load() {
		ch.conn.link.Flush()
	} else {
		ch.conn.link.Wake()
	}
}

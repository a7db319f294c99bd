package server

import (
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/session"
)

const (
	fullOutbox = 4 << 20   // bytes: from here a consumer is paused
	maxReplies = 16 << 20  // bytes: from here direct replies, which have no queue to wait in, find nobody
	pieceSize  = 128 << 10 // bytes that one write aims at
	keepBuffer = 256 << 10 // a larger buffer is not kept for the next time
	largeBody  = 16 << 10  // a body from this size on goes into as many pieces as it takes
	itemWeight = 128       // bytes that an item costs beside its message
	keepItems  = 4 << 10   // room for more is not kept for the next time, when little came this time
)

// item is one thing to send: frames that are encoded already, or a delivery.
type item struct {
	frames      []byte
	message     *core.Message
	paged       *core.Paged // the message, when it has to be read first
	consumer    *core.Consumer
	tag         uint64
	redelivered bool
}

func (it *item) weight() int {
	switch {
	case it.message != nil:
		return it.message.Size() + itemWeight
	case it.paged != nil:
		return it.paged.Size() + itemWeight
	}
	return len(it.frames) + itemWeight
}

// confirm is a run of confirms of one channel.
type confirm struct {
	channel uint16
	session.Run
}

// outbox holds what a connection is to send.
type outbox struct {
	mu      sync.Mutex
	items   []item
	weight  int  // of items and of the batch that is being sent
	woken   bool // somebody will call Next, or is bound to cause it
	answers int  // the part of weight that is not deliveries
	pausing []*core.Consumer
	room    chan struct{} // one place; something is in it when answers became fewer

	// Channels with publishes that wait for their confirm.
	confirming []*channel

	// Owned by Next.
	batch    []item
	at       int // of batch
	going    going
	batched  int // weight of batch
	answered int // answers of batch
	confirms []confirm
	acked    int    // publishes that these say are safe
	awaited  uint64 // the first journal position that a confirm waits for; 0 = none does
	relief   bool   // there is room for paused consumers to go on
	buf      []byte
	loader   core.Loader
	over     bool // the connection has ended
}

// put appends an item and says whether the caller has to wake the link, now or
// at the end of its burst. The caller holds mu.
func (o *outbox) put(it item) (wake bool) {
	o.items = append(o.items, it)
	weight := it.weight()
	o.weight += weight
	if it.message == nil && it.paged == nil {
		o.answers += weight
	}
	wake = !o.woken
	o.woken = true
	return wake
}

// swap takes what is there as the next batch, with the confirms that may follow it.
func (o *outbox) swap(durable uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.weight -= o.batched
	if o.answers >= fullOutbox {
		o.makeRoom()
	}
	o.answers -= o.answered
	o.batch, o.items = room(o.items, len(o.items)), room(o.batch[:0], len(o.items))
	o.at, o.batched, o.answered = 0, o.weight, o.answers
	o.woken = false
	o.relief = len(o.pausing) > 0 && o.weight <= fullOutbox/2
	o.collect(durable)
}

// room is the room for items that is kept when so many came this time: a connection may have had tens of thousands under way once, and then be quiet
// for days.
func room(items []item, came int) []item {
	if cap(items) <= keepItems || came >= keepItems/4 {
		return items
	}
	return append([]item(nil), items...)
}

// collect takes the confirms that are ready. The caller holds mu.
func (o *outbox) collect(durable uint64) {
	o.confirms = o.confirms[:0]
	o.awaited, o.acked = 0, 0
	waiting := o.confirming[:0]
	for _, ch := range o.confirming {
		left := ch.confirms.Len()
		ch.confirms.Collect(durable, func(r session.Run) {
			if !r.Nack {
				o.acked += left - ch.confirms.Len()
			}
			left = ch.confirms.Len()
			o.confirms = append(o.confirms, confirm{ch.number, r})
		})
		if next, waits := ch.confirms.Next(); waits {
			waiting = append(waiting, ch)
			o.await(next)
		} else {
			ch.confirming = false
		}
	}
	clear(o.confirming[len(waiting):])
	o.confirming = waiting
}

func (o *outbox) await(lsn uint64) {
	if o.awaited == 0 || lsn < o.awaited {
		o.awaited = lsn
	}
}

// crowded says whether too many answers wait.
func (o *outbox) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answers >= fullOutbox
}

func (o *outbox) makeRoom() {
	select {
	case o.room <- struct{}{}:
	default:
	}
}

// relieved takes the paused consumers.
func (o *outbox) relieved() []*core.Consumer {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.pausing
	o.pausing = nil
	return list
}

// waitOn puts consumers before those that are paused, if the outbox is full.
func (o *outbox) waitOn(paused []*core.Consumer) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.weight < fullOutbox {
		return false
	}
	o.pausing = slices.Concat(paused, o.pausing)
	return true
}

// awaitsOne says whether a single publish waits for its confirm.
func (o *outbox) awaitsOne() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.confirming) == 1 && o.confirming[0].confirms.Len() == 1
}

// owesConfirms says whether confirms wait to be sent.
func (o *outbox) owesConfirms() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.confirming) > 0
}

// brief says whether little is waiting to be sent.
func (o *outbox) brief() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items) <= urgentBurst && o.weight <= pieceSize
}

// done says that the batch and what belongs to it is encoded.
func (o *outbox) done() bool { return o.at == len(o.batch) && len(o.going.body) == 0 }

// encode makes the next piece of the batch, and behind its end the confirms:
// a message that is returned is in the batch, so its return precedes its confirm.
// If hurried, the piece ends before a message that has to be read.
func (o *outbox) encode(frameMax uint32, hurried bool) []byte {
	buf := o.going.appendTo(o.buf[:0], frameMax)
	for o.at < len(o.batch) && len(buf) < pieceSize {
		it := &o.batch[o.at]
		if hurried && it.paged != nil {
			break
		}
		switch {
		case it.message != nil:
			buf = o.appendDelivery(buf, it, it.message, frameMax)
		case it.paged != nil:
			buf = o.appendPaged(buf, it, frameMax)
		default:
			buf = append(buf, it.frames...)
		}
		*it = item{}
		o.at++
	}
	if o.done() {
		for _, c := range o.confirms {
			buf = appendConfirm(buf, c)
		}
		o.confirms = o.confirms[:0]
	}
	if cap(buf) <= keepBuffer {
		o.buf = buf
	}
	return buf
}

// leftAside says whether there is something that a hurried Next does not do.
func (o *outbox) leftAside() bool {
	return o.relief || o.at < len(o.batch) && o.batch[o.at].paged != nil
}

// appendPaged reads a message and encodes its delivery. If it cannot be read, or
// is no longer there, the client is not told of it.
func (o *outbox) appendPaged(dst []byte, it *item, frameMax uint32) []byte {
	m, err := o.loader.Load(it.paged)
	if err != nil {
		it.consumer.Sink().(*channel).undelivered(it.tag)
		return dst
	}
	return o.appendDelivery(dst, it, m, frameMax)
}

// end gives up what was not sent. It is called by who may call Next, after the connection's end.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	for _, list := range [][]item{o.batch[o.at:], o.items} {
		for i := range list {
			if list[i].paged != nil {
				list[i].paged.Drop()
			}
		}
	}
	o.batch, o.items, o.at, o.going = nil, nil, 0, going{}
}

// appendDelivery encodes a basic.deliver. Its strings came in as short strings
// or were checked, so they cannot be too long. A large body is begun, and may go on in the next piece.
func (o *outbox) appendDelivery(dst []byte, it *item, m *core.Message, frameMax uint32) []byte {
	n := it.consumer.Channel
	deliver := amqp.BasicDeliver{
		ConsumerTag: it.consumer.Tag,
		DeliveryTag: it.tag,
		Redelivered: it.redelivered,
		Exchange:    m.Exchange,
		RoutingKey:  m.Key,
	}
	dst, _ = deliver.AppendFrame(dst, n)
	if len(m.Body) < largeBody {
		return appendContent(dst, n, m, frameMax)
	}
	o.going = going{n, m.Body}
	return o.going.appendTo(roomFor(len(m.Body), appendHeader(dst, n, m)), frameMax)
}

// roomFor returns dst with room for the frames of a large body, or for those that go into a piece: no piece needs more than keepBuffer.
func roomFor(body int, dst []byte) []byte {
	frames := body/(amqp.MinFrameMax-amqp.FrameOverhead) + 1
	need := min(len(dst)+body+frames*amqp.FrameOverhead, keepBuffer)
	if cap(dst) >= need {
		return dst
	}
	return append(make([]byte, 0, min(max(need, 2*cap(dst)), keepBuffer)), dst...)
}

// going is what is left of a body of which a part is encoded.
type going struct {
	channel uint16
	body    []byte
}

// appendTo appends the next frames, until the piece is large enough.
func (g *going) appendTo(dst []byte, frameMax uint32) []byte {
	if frameMax == 0 || frameMax > pieceSize {
		frameMax = pieceSize
	}
	for len(g.body) > 0 && len(dst) < pieceSize {
		n := min(len(g.body), int(frameMax)-amqp.FrameOverhead)
		dst = amqp.AppendBodyFrames(dst, g.channel, g.body[:n], frameMax)
		g.body = g.body[n:]
	}
	if len(g.body) == 0 {
		g.body = nil // or the message would stay in memory
	}
	return dst
}

func appendContent(dst []byte, channel uint16, m *core.Message, frameMax uint32) []byte {
	dst = appendHeader(dst, channel, m)
	return amqp.AppendBodyFrames(dst, channel, m.Body, frameMax)
}

func appendHeader(dst []byte, channel uint16, m *core.Message) []byte {
	return amqp.AppendHeaderFrame(dst, channel, amqp.BasicPublishID.Class(), uint64(len(m.Body)), m.Props)
}

func appendConfirm(dst []byte, c confirm) []byte {
	if c.Nack {
		dst, _ = (&amqp.BasicNack{DeliveryTag: c.Tag, Multiple: c.Multiple}).AppendFrame(dst, c.channel)
		return dst
	}
	dst, _ = (&amqp.BasicAck{DeliveryTag: c.Tag, Multiple: c.Multiple}).AppendFrame(dst, c.channel)
	return dst
}

package sim

import (
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
)

// client is one program that uses the broker: it connects, publishes on and
// consumes from one channel, does not wait for answers, and never errs. It
// forgets all when its connection is lost, and connects again when it next has
// something to do.
type client struct {
	world   *World
	id      int
	peer    *peer // nil: not connected
	ready   bool  // connection.open-ok came
	left    bool  // either side has said goodbye
	stalled bool  // it does not read

	rx      []byte // received, not yet understood
	content content

	// The channel's.
	open        bool
	closing     bool                     // channel.close was sent
	waiting     []func(amqp.Method) bool // for answers, in the order of the questions
	asked       int                      // questions
	answered    int
	published   int // on this channel
	unconfirmed []publishing
	tx          *transaction // instead of confirms
	consumers   []*consumer
	outstanding []delivery
	lastTag     uint64 // of a delivery
	prefetch    uint16
	limit       uint16     // of what all its consumers have
	limiting    int        // questions that change it
	subscribed  int        // ever
	empty       bool       // the last get found nothing
	count       int        // what the last declare-ok said
	last        *copyState // what the last get found
}

// publishing is a publish that waits for its confirm.
type publishing struct {
	tag int
	msg *message
}

// consumer is a subscription.
type consumer struct {
	tag      string
	queue    *queueState
	noAck    bool
	prefetch uint16
	unacked  int
	started  bool           // consume-ok came
	leaving  bool           // cancel was sent
	last     map[[2]int]int // by connection and priority: the last first delivery
}

// delivery waits for its settlement.
type delivery struct {
	tag  uint64
	copy *copyState
	by   *consumer // nil: got
}

// content is a method with content that is arriving.
type content struct {
	method amqp.Method
	props  amqp.RawProperties
	body   []byte
	size   int
}

// disconnected forgets everything about a connection.
func (c *client) disconnected() {
	if c.peer == nil {
		return
	}
	c.world.tracef("client %d lost its connection", c.id)
	c.resetChannel()
	c.peer.client = nil
	c.peer = nil
	c.ready, c.left, c.rx, c.content = false, false, nil, content{}
}

func (c *client) resetChannel() {
	for _, x := range c.consumers {
		x.queue.disturbed = true
	}
	for _, d := range c.outstanding {
		d.copy.queue.disturbed = true
	}
	c.tx.lost()
	c.forgetMarks()
	c.asked, c.answered = 0, 0
	for _, answer := range c.waiting {
		answer(nil) // never
	}
	c.open, c.closing, c.waiting, c.published, c.lastTag = false, false, nil, 0, 0
	c.unconfirmed, c.consumers, c.outstanding, c.tx = nil, nil, nil, nil
	c.limit, c.limiting = 0, 0
}

// forgetMarks gives up to know what became of settlements under way: the
// broker may not hear them any more, and what they settled goes back.
func (c *client) forgetMarks() {
	if c.peer == nil {
		return
	}
	c.peer.markedGoBack()
	if len(c.waiting) > 0 && c.world.mayFail() {
		c.peer.marks = nil
	}
}

// forgetMarks gives up settlements under way: the broker does not hear them any more.
func (p *peer) forgetMarks() {
	p.markedGoBack()
	p.marks = nil
}

func (p *peer) markedGoBack() {
	for _, m := range p.marks {
		for _, k := range m.copies {
			k.queue.disturbed = true
		}
	}
}

// leave is the end of what a client does on a connection.
func (c *client) leave() {
	c.resetChannel()
	c.ready, c.left = false, true
}

// connect begins a connection.
func (c *client) connect() {
	w := c.world
	w.connected++
	p := &peer{number: w.connected, client: c}
	p.wire = &wire{world: w}
	read, write := w.server.Attach(p.wire, w.park)
	if read == nil {
		return
	}
	p.reader, p.write = w.spawn(fmt.Sprint("reader of client ", c.id), read), write
	w.peers = append(w.peers, p)
	c.peer = p
	w.tracef("client %d connects", c.id)
	c.put(amqp.ProtocolHeader[:])
}

func (c *client) put(b []byte) {
	x := c.peer.wire
	x.sent += int64(len(b))
	if x.cut == nil {
		x.up = append(x.up, b...)
	}
}

func (c *client) send(channel uint16, m amqp.Method) {
	b, err := m.AppendFrame(nil, channel)
	if err != nil {
		panic(err)
	}
	c.put(b)
}

// ask sends a method and notes what is to be done with the answer; nil means that there was none.
func (c *client) ask(m amqp.Method, answer func(amqp.Method) bool) {
	c.send(1, m)
	c.asked++
	c.waiting = append(c.waiting, answer)
}

// expect is an answer of one kind that has no consequence.
func expect(id amqp.MethodID) func(amqp.Method) bool {
	return func(m amqp.Method) bool { return m == nil || m.ID() == id }
}

// receive takes up to n bytes from the network.
func (c *client) receive(n int) bool {
	x := c.peer.wire
	n = min(n, len(x.down))
	if n == 0 {
		return false
	}
	c.rx = append(c.rx, x.down[:n]...)
	x.down = x.down[:copy(x.down, x.down[n:])]
	b := c.rx
	for c.peer != nil {
		rest, f, ok, err := amqp.ParseFrame(b, amqp.MinFrameMax)
		if err != nil {
			c.world.violate("protocol", "client %d received what is no frame: %v", c.id, err)
			return true
		}
		if !ok {
			break
		}
		b = rest
		c.frame(f)
	}
	if c.peer != nil {
		c.rx = c.rx[:copy(c.rx, b)]
	}
	return true
}

func (c *client) frame(f amqp.Frame) {
	w := c.world
	w.note(uint64(f.Type), string(f.Payload))
	switch f.Type {
	case amqp.FrameMethod:
		m, err := amqp.ParseMethod(f.Payload, nil)
		if err != nil {
			w.violate("protocol", "client %d received a malformed method: %v", c.id, err)
			return
		}
		if c.content.method != nil {
			w.violate("protocol", "client %d received %s within content", c.id, m.ID())
		}
		if m.ID().HasContent() {
			c.content.method = m
			return
		}
		c.method(m)
	case amqp.FrameHeader:
		_, size, props, err := amqp.ParseHeader(f.Payload)
		if err != nil || c.content.method == nil {
			w.violate("protocol", "client %d received a header out of place: %v", c.id, err)
			return
		}
		c.content.props, c.content.size = append(amqp.RawProperties(nil), props...), int(size)
		c.complete()
	case amqp.FrameBody:
		c.content.body = append(c.content.body, f.Payload...)
		c.complete()
	}
}

// complete handles content when it is whole.
func (c *client) complete() {
	x := c.content
	if x.method == nil || len(x.body) < x.size {
		return
	}
	c.content = content{body: c.content.body[:0]}
	if len(x.body) > x.size {
		c.world.violate("protocol", "client %d received more than a body of %d bytes", c.id, x.size)
		return
	}
	if c.open {
		c.delivered(x)
	}
}

// method handles one without content.
func (c *client) method(m amqp.Method) {
	w := c.world
	if c.left && m.ID() != amqp.ConnectionCloseOkID && m.ID() != amqp.ConnectionCloseID {
		return
	}
	switch m := m.(type) {
	case *amqp.ConnectionStart:
		c.send(0, &amqp.ConnectionStartOk{ClientProperties: capabilities, Mechanism: "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US"})
	case *amqp.ConnectionTune:
		c.send(0, &amqp.ConnectionTuneOk{ChannelMax: 10, FrameMax: amqp.MinFrameMax})
		c.send(0, &amqp.ConnectionOpen{VirtualHost: "/"})
	case *amqp.ConnectionOpenOk:
		c.ready = true
		c.openChannel()
	case *amqp.ConnectionClose:
		if m.ReplyCode != amqp.ConnectionForced && !w.failed {
			w.violate("refusal", "client %d: the connection was closed with %d %s", c.id, m.ReplyCode, m.ReplyText)
		}
		c.send(0, &amqp.ConnectionCloseOk{})
		c.leave()
	case *amqp.ConnectionCloseOk:
		c.disconnected()
	case *amqp.ConnectionBlocked, *amqp.ConnectionUnblocked:
	case *amqp.ChannelClose:
		w.tracef("client %d: channel closed with %d %s", c.id, m.ReplyCode, m.ReplyText)
		if !(m.ReplyCode == amqp.NotFound && w.mayFail() || m.ReplyCode == amqp.PreconditionFailed && w.mayFailToCommit()) {
			w.violate("refusal", "client %d: the channel was closed with %d %s", c.id, m.ReplyCode, m.ReplyText)
		}
		c.peer.loseNoAck(w)
		c.send(1, &amqp.ChannelCloseOk{})
		if !c.closing { // else the answer to that opens it again
			c.resetChannel()
			c.openChannel()
		}
	case *amqp.ChannelCloseOk:
		c.peer.loseNoAck(w)
		c.openChannel()
	case *amqp.ChannelOpenOk:
		c.open = true
	default:
		if c.open {
			c.onChannel(m)
		}
	}
}

var capabilities = amqp.Table{"capabilities": amqp.Table{"consumer_cancel_notify": true, "connection.blocked": true, "basic.nack": true}}

// openChannel opens the channel anew, with confirms and the queue that no restart survives.
func (c *client) openChannel() {
	c.closing = false
	c.send(1, &amqp.ChannelOpen{})
	if w := c.world; w.program.Setup.Tx && c.id < len(w.clients) && w.rnd.IntN(3) > 0 {
		c.openTx()
	} else {
		c.ask(&amqp.ConfirmSelect{}, expect(amqp.ConfirmSelectOkID))
	}
	if q := c.world.queue("passing"); q != nil && c.world.names > 0 {
		c.declare(q)
	}
}

// onChannel handles what comes on the open channel.
func (c *client) onChannel(m amqp.Method) {
	w := c.world
	switch m := m.(type) {
	case *amqp.BasicAck:
		c.confirmed(m.DeliveryTag, m.Multiple, true)
	case *amqp.BasicNack:
		c.confirmed(m.DeliveryTag, m.Multiple, false)
	case *amqp.BasicCancel:
		c.cancelled(m.ConsumerTag)
	default:
		if len(c.waiting) == 0 {
			w.violate("protocol", "client %d received %s, which it did not ask for", c.id, m.ID())
			return
		}
		answer := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.answered++
		if !answer(m) {
			w.violate("protocol", "client %d received %s in answer to something else", c.id, m.ID())
		}
	}
}

// cancelled: the broker ended a consumer, because its queue is gone.
func (c *client) cancelled(tag string) {
	for i, x := range c.consumers {
		if x.tag == tag {
			if !x.queue.comesAndGoes() {
				c.world.violate("cancelled", "consumer %s of queue %s was cancelled by the broker", tag, x.queue.Name)
			}
			c.consumers = append(c.consumers[:i:i], c.consumers[i+1:]...)
			return
		}
	}
}

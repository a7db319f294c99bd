package sim

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// ledger is the checker's book: what every client was told, and so what must
// hold. It sees what clients see, and when what they sent was handled and
// became durable; it never looks into the broker.
type ledger struct {
	world    *World
	messages []*message
	handling []*copyState // settled, and not known to be durable
}

// message is one publish.
type message struct {
	id, client            int
	conn                  int // within which the order counts: what was under way on the last one may come later
	exchange, key         string
	persistent, mandatory bool
	cc, bcc               []string // more keys; nobody sees the latter
	priority              uint8
	expires               int // ms; 0 = never
	delay                 int // ms that an exchange is to keep it
	size                  int

	at       time.Time
	leaps    time.Duration // how far the clock had ever been put forward, then
	settled  time.Time     // when its outcome was known
	move     int
	epoch    int // of the broker that it was sent to
	routes   []*queueState
	changes  []int // of the routes, then; -1 where they were not stable
	returned bool
	held     bool   // by a transaction that was not committed
	outcome  string // "": unknown; "confirmed", "refused"

	shared bool        // a confirm promised that it is in one of the queues
	copies []copyState // by queue
	deaths []copyState // by the queue that it died in
}

// copyState is a message in one queue.
type copyState struct {
	msg   *message
	queue *queueState // that it lies in
	must  bool        // a confirm promised that it is there

	seen     int
	flagged  int  // of these, as redelivered
	acked    bool // the ack was sent; or it was taken without
	rejected bool
	settled  int  // the epoch in which the broker handled the ack; 0 = not yet
	durable  bool // and that is on disk
	drained  bool // seen in the end
}

func (m *message) String() string {
	return fmt.Sprintf("message %d to %q %s, persistent %t, mandatory %t, priority %d, expires %d, delay %d, %d bytes", m.id, m.exchange, m.keys(), m.persistent, m.mandatory, m.priority, m.expires, m.delay, m.size)
}

// mark is where in a connection's bytes a settlement ends.
type mark struct {
	sent   int64
	asked  int // questions before it: if one of them fails, the broker does not hear it
	how    int
	copies []*copyState
}

// add enters a message that is about to be sent.
func (l *ledger) add(m *message) {
	w := l.world
	w.moves++
	m.id, m.at, m.leaps, m.move, m.epoch = len(l.messages), w.now, w.clock.leaps, w.moves, w.epoch
	l.messages = append(l.messages, m)
	m.routes = w.routes(m)
	for _, q := range m.routes {
		n := q.changes
		if !q.stable {
			n = -1
		}
		m.changes = append(m.changes, n)
	}
	m.copies = make([]copyState, len(w.queues))
	m.deaths = make([]copyState, len(w.queues))
	for i, q := range w.queues {
		m.copies[i] = copyState{msg: m, queue: q}
		m.deaths[i] = copyState{msg: m, queue: w.burial()}
	}
}

// frames are the message on the wire.
func (m *message) frames() []byte {
	b, _ := (&amqp.BasicPublish{Exchange: m.exchange, RoutingKey: m.key, Mandatory: m.mandatory}).AppendFrame(nil, 1)
	p := amqp.Properties{DeliveryMode: 1, Priority: m.priority}
	if m.persistent {
		p.DeliveryMode = 2
	}
	if m.expires > 0 {
		p.Expiration = fmt.Sprint(m.expires)
	}
	p.Headers = m.headers()
	props, _ := p.Append(nil)
	b = amqp.AppendHeaderFrame(b, 1, amqp.BasicPublishID.Class(), uint64(m.size), props)
	return amqp.AppendBodyFrames(b, 1, m.body(), amqp.MinFrameMax)
}

// headers are those that a message is published with.
func (m *message) headers() amqp.Table {
	if m.delay == 0 && m.cc == nil && m.bcc == nil {
		return nil
	}
	t := amqp.Table{}
	if m.delay > 0 {
		t["x-delay"] = int32(m.delay)
	}
	if m.cc != nil {
		t["CC"] = list(m.cc)
	}
	if m.bcc != nil {
		t["BCC"] = list(m.bcc)
	}
	return t
}

func list(keys []string) (l []any) {
	for _, key := range keys {
		l = append(l, key)
	}
	return l
}

func (m *message) keys() string {
	s := fmt.Sprintf("%q", m.key)
	if m.cc != nil || m.bcc != nil {
		s += fmt.Sprintf(", CC %q, BCC %q", m.cc, m.bcc)
	}
	return s
}

const idSize = 8

func (m *message) body() []byte {
	b := make([]byte, m.size)
	copy(b, fmt.Sprintf("%0*d", idSize, m.id))
	for i := idSize; i < len(b); i++ {
		b[i] = m.filler(i)
	}
	return b
}

func (m *message) filler(i int) byte { return byte(m.id*31 + i) }

// identify finds the message that came, and checks that it is unchanged.
func (l *ledger) identify(x *content) *message {
	n, ok := 0, false
	if len(x.body) >= idSize {
		n, ok = number(x.body[:idSize])
	}
	if !ok || n >= len(l.messages) {
		l.world.violate("unexpected", "%d bytes arrived that nobody published", len(x.body))
		return nil
	}
	m := l.messages[n]
	if m.held {
		l.world.violate("transaction", "%s arrived, and was never committed", m)
		return nil
	}
	same := len(x.body) == m.size
	for i := idSize; same && i < m.size; i++ {
		same = x.body[i] == m.filler(i)
	}
	if view, err := x.props.View(); err != nil || !same || view.Priority != m.priority || view.DeliveryMode == 2 != m.persistent || !m.showsCopies(x.props, view.Headers) {
		l.world.violate("changed", "%s arrived otherwise than it was published", m)
		return nil
	}
	return m
}

// showsCopies says whether headers that arrived tell of CC what they should, and of BCC nothing.
func (m *message) showsCopies(props amqp.RawProperties, headers []byte) bool {
	if m.cc == nil {
		return !bytes.Contains(headers, []byte("CC"))
	}
	var p amqp.Properties
	if p.Parse(props, nil) != nil {
		return false
	}
	_, hidden := p.Headers["BCC"]
	cc, _ := p.Headers["CC"].([]any)
	return !hidden && slices.Equal(cc, list(m.cc))
}

// delivered handles content that arrived on the channel.
func (c *client) delivered(x content) {
	w := c.world
	switch method := x.method.(type) {
	case *amqp.BasicReturn:
		c.returned(&x)
	case *amqp.BasicDeliver:
		for _, by := range c.consumers {
			if by.tag == method.ConsumerTag {
				c.consumed(&x, by, method)
				return
			}
		}
		w.violate("cancelled", "client %d received for consumer %s, which it has not got", c.id, method.ConsumerTag)
	case *amqp.BasicGetOk:
		c.content.method, c.content.props, c.content.body = method, x.props, x.body
		c.onChannel(method)
		c.content = content{}
	}
}

func (c *client) returned(x *content) {
	w := c.world
	m := w.ledger.identify(x)
	if m == nil {
		return
	}
	w.tracef("client %d: message %d is returned", c.id, m.id)
	switch {
	case !m.mandatory || m.client != c.id || m.returned || m.delay > 0:
		w.violate("returned", "%s is returned to client %d", m, c.id)
	case m.outcome != "":
		w.violate("returned", "%s is returned after it was %s", m, m.outcome)
	}
	m.returned = true
	for i, q := range m.routes {
		if m.changes[i] >= 0 && q.changes == m.changes[i] {
			w.violate("returned", "%s is returned although queue %s is there", m, q.Name)
		}
	}
}

// confirmed books what the broker promised.
func (c *client) confirmed(tag uint64, multiple, ok bool) {
	w := c.world
	n := 0
	for n < len(c.unconfirmed) && uint64(c.unconfirmed[n].tag) <= tag {
		n++
	}
	from := 0
	if !multiple {
		from = n - 1
	}
	if n == 0 || uint64(c.unconfirmed[n-1].tag) != tag {
		w.violate("confirm", "client %d: publish %d is confirmed, which it does not wait for", c.id, tag)
		return
	}
	for _, p := range c.unconfirmed[from:n] {
		w.ledger.promised(p.msg, ok)
	}
	c.unconfirmed = append(c.unconfirmed[:from:from], c.unconfirmed[n:]...)
}

func (l *ledger) promised(m *message, ok bool) {
	w := l.world
	w.tracef("message %d is confirmed: %t", m.id, ok)
	m.outcome, m.settled = "confirmed", w.now
	if !ok {
		m.outcome = "refused"
		if !mayRefuse(m, w) {
			w.violate("refused", "%s is refused", m)
		}
		return
	}
	for i, q := range m.routes {
		if m.changes[i] >= 0 && q.changes == m.changes[i] {
			m.copies[q.index].must = !m.returned && m.exchange != sharedX
			m.shared = m.exchange == sharedX
		}
	}
	if m.mandatory && len(m.routes) == 0 && m.delay == 0 && !m.returned {
		w.violate("returned", "%s has no queue and is confirmed without being returned", m)
	}
}

func mayRefuse(m *message, w *World) bool {
	for _, q := range m.routes {
		if q.mayRefuse(m) {
			return true
		}
	}
	return w.program.Setup.Faults // the disk was full, perhaps
}

// consumed handles a delivery to a consumer.
func (c *client) consumed(x *content, by *consumer, d *amqp.BasicDeliver) {
	w := c.world
	k := w.ledger.received(x, by.queue, d.Redelivered, by.noAck)
	if k == nil {
		return
	}
	w.tracef("client %d: %s delivers message %d from %s, redelivered %t, tag %d", c.id, by.tag, k.msg.id, by.queue.Name, d.Redelivered, d.DeliveryTag)
	c.checkTag(d.DeliveryTag)
	if !d.Redelivered && k.inOrder() {
		who := [2]int{k.msg.conn, by.queue.rank(k.msg)}
		if last, ok := by.last[who]; ok && last >= k.msg.id {
			w.violate("order", "%s delivers message %d after %d of the same publisher", by.tag, k.msg.id, last)
		}
		by.last[who] = k.msg.id
	}
	if by.noAck {
		return
	}
	by.unacked++
	if n := c.held() + 1; c.limiting == 0 && c.limit > 0 && n > int(c.limit) {
		w.violate("prefetch", "client %d has %d deliveries on its channel, and a limit of %d", c.id, n, c.limit)
	}
	if by.prefetch > 0 && by.unacked > int(by.prefetch) {
		w.violate("prefetch", "%s has %d deliveries and a prefetch of %d", by.tag, by.unacked, by.prefetch)
	}
	c.outstanding = append(c.outstanding, delivery{d.DeliveryTag, k, by})
}

// got handles the answer to a basic.get.
func (c *client) got(q *queueState, noAck bool, d *amqp.BasicGetOk) {
	k := c.world.ledger.received(&c.content, q, d.Redelivered, noAck)
	if k == nil {
		return
	}
	c.world.tracef("client %d gets message %d from %s, redelivered %t", c.id, k.msg.id, q.Name, d.Redelivered)
	c.checkTag(d.DeliveryTag)
	c.last = k
	if !noAck {
		c.outstanding = append(c.outstanding, delivery{d.DeliveryTag, k, nil})
	}
}

func (c *client) checkTag(tag uint64) {
	if tag != c.lastTag+1 {
		c.world.violate("tags", "client %d received delivery tag %d after %d", c.id, tag, c.lastTag)
	}
	c.lastTag = tag
}

// inOrder says whether a message keeps its place among those of its publisher.
func (k *copyState) inOrder() bool { return k.queue.Name != deadQueue && k.msg.delay == 0 }

// rank is what orders messages before their age.
func (q *queueState) rank(m *message) int {
	return min(int(m.priority), q.Priorities)
}

// received books a delivery and checks what can be told at once.
func (l *ledger) received(x *content, q *queueState, redelivered, noAck bool) *copyState {
	w := l.world
	m := l.identify(x)
	if m == nil {
		return nil
	}
	k, from := &m.copies[q.index], q
	died, reason, ok := death(x.props)
	switch {
	case ok:
		from = w.queue(died)
		if from == nil || q != w.burial() {
			w.violate("unexpected", "%s is in %s as a dead letter of %s", m, q.Name, died)
			return nil
		}
		k = &m.deaths[from.index]
		l.checkDeath(m, from, reason)
	case !m.mayBeIn(q):
		w.violate("unexpected", "%s is in queue %s", m, q.Name)
		return nil
	}
	if age := w.age(m); age < 0 {
		w.violate("early", "%s comes from %s %s before its time", m, q.Name, -age)
	}
	w.checkHome(m, from)
	l.checkAgain(k, redelivered)
	k.seen++
	if redelivered {
		k.flagged++
	}
	k.acked = k.acked || noAck
	return k
}

// checkHome checks that one key comes to one queue, of those that an exchange shares them out to.
func (w *World) checkHome(m *message, q *queueState) {
	if m.exchange != sharedX {
		return
	}
	home, ok := w.homes[m.key]
	if !ok {
		w.homes[m.key] = q
	} else if home != q {
		w.violate("shared", "%s is in %s, and others with this key were in %s", m, q.Name, home.Name)
	}
}

// checkAgain checks whether a message may come, and how it must be marked.
func (l *ledger) checkAgain(k *copyState, redelivered bool) {
	w := l.world
	moved := w.crashed && (k.queue == w.burial() || k.msg.delay > 0) // a crash may have doubled it
	late := w.mayFail()                                              // it may have been under way while its channel was closed and it was given to others
	switch {
	case moved:
	case k.durable && (!late || k.settled < w.epoch):
		w.violate("settled", "message %d comes from %s, and it was acknowledged for good", k.msg.id, k.queue.Name)
	case k.settled == w.epoch && !late:
		w.violate("settled", "message %d comes from %s after its acknowledgement", k.msg.id, k.queue.Name)
	case !redelivered && (k.seen > k.flagged || k.seen > 0 && !late):
		w.violate("redelivered", "message %d comes again from %s and is not marked as redelivered", k.msg.id, k.queue.Name)
	case redelivered && !k.queue.disturbed && !late:
		w.violate("redelivered", "message %d comes from %s, marked as redelivered, and nothing ever went back there", k.msg.id, k.queue.Name)
	}
}

func (m *message) mayBeIn(q *queueState) bool {
	for _, r := range m.routes {
		if r == q {
			return true
		}
	}
	return false
}

// death reads the latest death from a message's headers.
func death(props amqp.RawProperties) (queue, reason string, ok bool) {
	var p amqp.Properties
	if view, err := props.View(); err != nil || len(view.Headers) == 0 || p.Parse(props, nil) != nil {
		return "", "", false
	}
	list, _ := p.Headers["x-death"].([]any)
	if len(list) == 0 {
		return "", "", false
	}
	t, _ := list[0].(amqp.Table)
	queue, _ = t["queue"].(string)
	reason, _ = t["reason"].(string)
	return queue, reason, true
}

// checkDeath checks that a message could die as it says that it did.
func (l *ledger) checkDeath(m *message, q *queueState, reason string) {
	w := l.world
	ttl := m.life(q)
	ok := false
	switch reason {
	case "rejected":
		ok = m.copies[q.index].rejected
	case "expired":
		ok = ttl > 0 && w.age(m) >= ttl
	case "maxlen":
		ok = q.mayDrop(m)
	}
	if !ok || !m.mayBeIn(q) || !q.mayBury(m) {
		w.violate("death", "%s is a dead letter of %s for the reason %q", m, q.Name, reason)
	}
}

// handled is called when the broker has handled all that it read from a connection.
func (l *ledger) handled(p *peer) {
	n := 0
	for ; n < len(p.marks) && p.marks[n].sent <= p.wire.read && p.heard(l.world, &p.marks[n]); n++ {
		if p.marks[n].how != acked {
			continue
		}
		for _, k := range p.marks[n].copies {
			k.settled = l.world.epoch
			l.handling = append(l.handling, k)
		}
	}
	p.marks = p.marks[n:]
}

// heard says whether the broker cannot but have heard a settlement that it has read.
func (p *peer) heard(w *World, m *mark) bool {
	return !w.mayFail() || p.client != nil && p.client.answered >= m.asked
}

// mayFail says whether a question of a client may be answered with the end of its channel.
func (w *World) mayFail() bool {
	return w.program.Setup.Volatile || w.queue("passing") != nil || w.mayFailToCommit()
}

// mayFailToCommit says whether a commit may find a queue that refuses a message.
func (w *World) mayFailToCommit() bool {
	s := &w.program.Setup
	return s.Tx && (s.Policies || s.Faults || slices.ContainsFunc(s.Queues, func(q QueueSpec) bool { return q.Overflow != "" }))
}

// allIsDurable is called when the journal has nothing left to write.
func (l *ledger) allIsDurable() {
	for _, k := range l.handling {
		k.durable = k.settled == l.world.epoch
	}
	l.handling = l.handling[:0]
}

// processEnded is called when the broker's process is gone, whatever way. Only
// an orderly one writes down which messages were delivered; after any other, those of queues from which nobody
// asked for any are as they were.
func (l *ledger) processEnded(orderly bool) {
	w := l.world
	w.moves++
	w.crashed = w.crashed || !orderly
	l.handling = l.handling[:0]
	for _, q := range w.queues {
		if !q.Durable {
			q.becomes(false)
		}
		if q.vague {
			q.cleared, q.vague = w.moves, false
		}
		q.disturbed = q.disturbed || q.asked && !orderly
		q.asked = false
	}
}

// damageFound is called when the broker found its journal damaged: what is missing may have told who was given what.
func (l *ledger) damageFound() {
	for _, q := range l.world.queues {
		q.disturbed = true
	}
}

// loseNoAck notes that what went to consumers without acknowledgements may be lost with them.
func (p *peer) loseNoAck(w *World) {
	w.moves++
	for _, q := range p.noAck {
		q.cleared = w.moves
	}
}

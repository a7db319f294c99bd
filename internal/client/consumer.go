package client

import (
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/session"
)

// Consumer takes messages from one queue, over however many connections. Each
// delivery is handed over on the reader's goroutine; acks are gathered and
// written together.
type Consumer struct {
	conn     *Conn
	queue    *Queue
	prefetch uint16
	hand     func([]*Delivery, *link.Lull)

	first   signal // the first attempt to consume has ended
	stopped signal // no more deliveries come
	gone    signal // the channel is released

	// Owned by who reads the connection.
	ready []*Delivery // to be handed over at the end of the burst
	room  []Delivery  // for deliveries to come
	made  int         // how many room was made for together

	mu       sync.Mutex
	wire     *wire // nil while not consuming
	channel  uint16
	epoch    uint64        // counts channels: a delivery of an earlier one is stale
	lost     chan struct{} // closed at the end of the epoch; nil until somebody asks
	starting bool          // the manager is about to consume
	active   bool          // the broker delivers
	retry    time.Time
	failures int
	err      error // why the last attempt failed
	stop     bool  // no more deliveries are wanted
	halted   bool  // and none are taken
	release  bool  // nor will there be acks
	unacked  unacked
	acks     []uint64
	nacks    []nack
	reminder *time.Timer // has the acks written that wait for others; reminded while it runs
	reminded bool
	watch    *watch // nil: nobody watches
}

type nack struct {
	tag     uint64
	requeue bool
}

// Consume begins to take messages from a queue, with up to prefetch of them unacknowledged.
// hand is called by the reader's goroutine: it must not block, and what it keeps is bounded by prefetch.
func (c *Conn) Consume(q *Queue, prefetch uint16, hand func(*Delivery)) *Consumer {
	return c.ConsumeBatches(q, prefetch, func(batch []*Delivery, _ *link.Lull) {
		for _, d := range batch {
			hand(d)
		}
	})
}

// ConsumeBatches is Consume for who is handed at once what has come together. It must not keep the slice. The lull is that of who brought few, nil if there is none.
func (c *Conn) ConsumeBatches(q *Queue, prefetch uint16, hand func([]*Delivery, *link.Lull)) *Consumer {
	u := &Consumer{
		conn:     c,
		queue:    q,
		prefetch: prefetch,
		hand:     hand,
		first:    newSignal(),
		stopped:  newSignal(),
		gone:     newSignal(),
	}
	c.mu.Lock()
	c.consumers[u] = struct{}{}
	down := c.state.Err
	c.mu.Unlock()
	if down != nil {
		u.attempted(down)
	}
	if c.ctx.Err() != nil {
		u.over()
	}
	c.poke()
	return u
}

// First is closed when the first attempt to consume has ended; Err says how. A consumer
// whose attempt failed goes on trying.
func (u *Consumer) First() <-chan struct{} { return u.first.ch }

// Err is why the last attempt to consume failed; nil when it did not.
func (u *Consumer) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// Stop asks the broker for no more; the channel that it returns is closed when
// none come. What was delivered can still be settled.
func (u *Consumer) Stop() <-chan struct{} {
	u.mu.Lock()
	u.stop = true
	if u.idle() {
		u.halt()
	}
	u.mu.Unlock()
	u.conn.poke()
	return u.stopped.ch
}

// Release gives the channel up, after Stop: what is not settled goes back to its queue.
// The channel that it returns is closed when that is done.
func (u *Consumer) Release() <-chan struct{} {
	u.mu.Lock()
	u.stop, u.release = true, true
	u.halt()
	idle := u.idle()
	u.mu.Unlock()
	if idle {
		u.finish()
	}
	u.conn.poke()
	return u.gone.ch
}

// idle tells that the broker knows nothing of the consumer. The caller holds mu.
func (u *Consumer) idle() bool { return u.wire == nil && !u.starting }

// finish takes the consumer off the connection.
func (u *Consumer) finish() {
	u.conn.mu.Lock()
	delete(u.conn.consumers, u)
	u.conn.mu.Unlock()
	u.first.raise() // there will be none
	u.gone.raise()
	u.mu.Lock()
	u.watch.end()
	u.mu.Unlock()
}

func (u *Consumer) isGone() bool {
	select {
	case <-u.gone.ch:
		return true
	default:
		return false
	}
}

type step uint8

const (
	stepNone step = iota
	stepStart
	stepCancel
	stepForget
)

// step says what the manager has to do for the consumer.
func (u *Consumer) step(w *wire, now time.Time) step {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.release:
		return stepForget
	case u.stop && u.active && !u.halted:
		return stepCancel
	case u.stop:
		u.halt()
	case !u.active && !now.Before(u.retry):
		u.starting = true
		return stepStart
	}
	return stepNone
}

// halt takes no more deliveries. The caller holds mu.
func (u *Consumer) halt() {
	u.halted = true
	u.stopped.raise()
}

// begin enters a new channel, before the broker is asked to deliver.
func (u *Consumer) begin(w *wire, channel uint16) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.wire, u.channel = w, channel
	u.reset()
}

// reset forgets the channel's deliveries. The caller holds mu.
func (u *Consumer) reset() {
	u.epoch++
	if u.lost != nil {
		close(u.lost)
		u.lost = nil
	}
	u.unacked = unacked{}
	u.acks, u.nacks = u.acks[:0], u.nacks[:0]
}

// started records how an attempt ended. Another follows later if it failed.
func (u *Consumer) started(w *wire, err error) {
	u.mu.Lock()
	u.err, u.starting = err, false
	if err == nil {
		if u.wire == w { // the channel was not closed again meanwhile
			u.active, u.failures = true, 0
		}
	} else {
		u.fail()
	}
	u.mu.Unlock()
	if err != nil {
		u.conn.cfg.Logger.Warn("cannot consume", "queue", u.queue.Name, "error", err)
	}
	u.first.raise()
}

// fail leaves the channel and books another attempt. The caller holds mu.
func (u *Consumer) fail() {
	u.wire, u.active = nil, false
	u.reset()
	u.failures++
	d := min(firstBackoff<<min(u.failures, 10), lastBackoff)
	u.retry = time.Now().Add(d)
	time.AfterFunc(d, u.conn.poke)
}

// attempted says that there is no connection to consume on.
func (u *Consumer) attempted(err error) {
	u.mu.Lock()
	if !u.active {
		u.err = err
	}
	u.mu.Unlock()
	u.first.raise()
}

// channelClosed and cancelledBy are told by the reader: the broker delivers no more.
func (u *Consumer) channelClosed(w *wire, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.wire == w {
		u.err = err
		u.fail()
	}
}

func (u *Consumer) cancelledBy(w *wire) {
	u.mu.Lock()
	if u.wire != w {
		u.mu.Unlock()
		return
	}
	n := u.channel
	u.fail()
	u.mu.Unlock()
	w.mu.Lock()
	delete(w.consumers, n)
	w.mu.Unlock()
	w.closeChannel(n)
}

// detach ends the use of a wire that broke.
func (u *Consumer) detach() {
	u.mu.Lock()
	u.wire, u.active, u.starting, u.retry = nil, false, false, time.Time{}
	u.reset()
	if u.stop {
		u.halt()
	}
	if u.err == nil {
		u.err = ErrBroken
	}
	release := u.release
	u.mu.Unlock()
	u.first.raise()
	if release {
		u.finish()
	}
}

// over is the end of the connection for good.
func (u *Consumer) over() {
	u.mu.Lock()
	u.stop, u.release = true, true
	u.err = ErrClosed
	u.mu.Unlock()
	u.detach()
}

func (u *Consumer) cancelled() {
	u.mu.Lock()
	u.halt()
	u.mu.Unlock()
}

func (u *Consumer) channelOn() uint16 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.channel
}

// leave gives up the channel and returns it; 0 when there is none.
func (u *Consumer) leave(w *wire) uint16 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.wire != w {
		return 0
	}
	u.active = false
	return u.channel
}

// delivered books one message, to be handed over at the end of the burst; for the reader. It reports whether it is the first.
func (u *Consumer) delivered(w *wire, m *amqp.BasicDeliver, content *session.Content) (first bool) {
	u.mu.Lock()
	epoch, taken := u.epoch, u.wire == w && !u.halted
	if taken {
		u.unacked.add(m.DeliveryTag)
	}
	u.mu.Unlock()
	if !taken {
		return false
	}
	d := u.newDelivery(len(content.Props) + len(content.Body))
	*d = Delivery{
		Props:       content.Props,
		Body:        content.Body,
		Redelivered: m.Redelivered,
		consumer:    u,
		epoch:       epoch,
		tag:         m.DeliveryTag,
	}
	if m.Exchange != "" {
		d.Key = m.RoutingKey
	}
	u.ready = append(u.ready, d)
	return len(u.ready) == 1
}

// Small deliveries that come together are made together; one that is kept keeps the others.
const (
	madeTogether  = 8
	smallDelivery = 256 // bytes
)

func (u *Consumer) newDelivery(size int) *Delivery {
	if size > smallDelivery {
		return new(Delivery)
	}
	if len(u.room) == 0 {
		u.made = min(max(1, 2*u.made), madeTogether)
		u.room = make([]Delivery, u.made)
	}
	d := &u.room[0]
	u.room = u.room[1:]
	return d
}

// handOver ends a burst.
func (u *Consumer) handOver(lull *link.Lull) {
	batch := u.ready
	u.ready = nil
	u.room, u.made = nil, 0
	u.hand(batch, lull)
	clear(batch)
	if cap(batch) <= keepReady {
		u.ready = batch[:0]
	}
}

// keepReady is the largest buffer for deliveries that is kept.
const keepReady = 1024

// Delivery is one message on its way to a handler.
type Delivery struct {
	Props       amqp.RawProperties
	Body        []byte
	Key         string // it was routed by, in an exchange with a name
	Redelivered bool

	consumer *Consumer
	epoch    uint64
	tag      uint64
}

// Stale tells a delivery whose channel is gone: the broker delivers it again, marked redelivered.
func (d *Delivery) Stale() bool {
	d.consumer.mu.Lock()
	defer d.consumer.mu.Unlock()
	return d.epoch != d.consumer.epoch
}

// Gone returns a channel that is closed when the delivery is stale.
func (d *Delivery) Gone() <-chan struct{} {
	u := d.consumer
	u.mu.Lock()
	defer u.mu.Unlock()
	if d.epoch != u.epoch {
		over := make(chan struct{})
		close(over)
		return over
	}
	if u.lost == nil {
		u.lost = make(chan struct{})
	}
	return u.lost
}

// Ack tells the broker to forget the message; without effect on a stale one. It is written with what is written next, or after soon,
// while the broker has enough that it may deliver.
func (d *Delivery) Ack() error { return d.settle(true, false) }

// Nack gives the message back: to the queue, or to its dead letters.
func (d *Delivery) Nack(requeue bool) error { return d.settle(false, requeue) }

func (d *Delivery) settle(ack, requeue bool) error {
	u := d.consumer
	u.mu.Lock()
	if d.epoch != u.epoch || u.wire == nil || !u.unacked.remove(d.tag) {
		u.mu.Unlock()
		return nil
	}
	if ack {
		u.acks = append(u.acks, d.tag)
	} else {
		u.nacks = append(u.nacks, nack{d.tag, requeue})
	}
	l := u.wire.link
	if ack && u.easy() {
		u.remindSoon()
		l = nil
	}
	u.mu.Unlock()
	if l != nil {
		l.Wake()
	}
	return nil
}

// soon is how long an ack may wait for others: each by itself costs a write here, and there a read for the sake of a message that is
// done with.
const soon = time.Millisecond

// easy tells that the broker goes on delivering without these acks: of what it may send, three quarters are free. The caller holds mu.
func (u *Consumer) easy() bool {
	handed := int(u.unacked.last + 1 - u.unacked.oldest()) // or more: some in the midst may be settled
	return handed+len(u.acks) <= int(u.prefetch)/4
}

// remindSoon has the acks written in a while. The caller holds mu.
func (u *Consumer) remindSoon() {
	switch {
	case u.reminded:
		return
	case u.reminder == nil:
		u.reminder = time.AfterFunc(soon, u.remind)
	default:
		u.reminder.Reset(soon)
	}
	u.reminded = true
}

func (u *Consumer) remind() {
	u.mu.Lock()
	u.reminded = false
	var l *link.Link
	if u.wire != nil && len(u.acks) > 0 {
		l = u.wire.link
	}
	u.mu.Unlock()
	if l != nil {
		l.Wake()
	}
}

// appendAcks appends what was settled since the last call: nacks one by one, then one
// ack for all tags below the oldest that is unsettled, then one for each above.
func (u *Consumer) appendAcks(b []byte) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.acks) == 0 && len(u.nacks) == 0 {
		return b
	}
	for _, n := range u.nacks {
		m := amqp.BasicNack{DeliveryTag: n.tag, Requeue: n.requeue}
		b, _ = m.AppendFrame(b, u.channel)
	}
	oldest := u.unacked.oldest()
	var upTo uint64
	below := 0
	for _, tag := range u.acks {
		if tag < oldest {
			upTo = max(upTo, tag)
			below++
		}
	}
	if below > 0 {
		m := amqp.BasicAck{DeliveryTag: upTo, Multiple: below > 1}
		b, _ = m.AppendFrame(b, u.channel)
	}
	for _, tag := range u.acks {
		if tag > oldest {
			m := amqp.BasicAck{DeliveryTag: tag}
			b, _ = m.AppendFrame(b, u.channel)
		}
	}
	u.acks, u.nacks = u.acks[:0], u.nacks[:0]
	return b
}

package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/session"
)

// wire is the life of one TCP connection: the protocol's state, what is to be
// sent on it beside publishes and acks, and the questions that wait for an answer.
type wire struct {
	conn  *Conn
	link  *link.Link
	turns *turns
	at    Address

	// Fixed once the handshake is over.
	frameMax  uint32
	heartbeat time.Duration
	product   string
	packs     packs

	// Owned by who has the turn to read.
	delivering []*Consumer // have something to hand over
	answers    []came      // of calls, likewise
	names      amqp.Interner

	// Owned by the writer.
	piece  []byte // what Next returned last
	midway bool   // it ended within a message: nothing else may go out on that channel

	// Owned by the manager.
	publishing bool // the publish channel is open
	replying   bool // and consumes replies
	topology   uint16
	declared   map[*Queue]bool
	exchanges  map[*Exchange]bool

	mu        sync.Mutex
	proto     *session.Client
	out       []byte
	asked     map[uint16]*question
	consumers map[uint16]*Consumer
	closedBy  *amqp.Error // what the other side found wrong

	left atomic.Bool // the other side has said that it will go

	ready       chan struct{} // closed when the handshake is over
	readerEnded chan struct{}
}

// What brokers call themselves.
const (
	rabbitMQ  = "RabbitMQ"
	postrider = "Postrider"
)

// A question waits for the one answer that its channel owes.
type question struct {
	done chan error // takes one
	got  func(amqp.Method)
}

// greet performs the handshake on a fresh connection.
func greet(ctx context.Context, c *Conn, nc net.Conn, at Address) (*wire, error) {
	w := &wire{
		conn:        c,
		at:          at,
		declared:    make(map[*Queue]bool),
		exchanges:   make(map[*Exchange]bool),
		asked:       make(map[uint16]*question),
		consumers:   make(map[uint16]*Consumer),
		ready:       make(chan struct{}),
		readerEnded: make(chan struct{}),
	}
	brief := uint16(0)
	if c.cfg.Publishes {
		brief = publishChannel
	}
	w.proto = session.NewClient(session.ClientConfig{
		Brief:      brief,
		Limits:     session.Limits{Heartbeat: uint16(max(1, c.cfg.Heartbeat/time.Second))},
		Properties: c.introduction(),
		VHost:      at.VHost,
	})
	w.out = append(w.out, w.proto.Hello()...)
	w.link = link.New(nc, w, link.Config{})
	w.turns = newTurns(w.link, w.burst)
	w.turns.readOn = w.readOn
	go w.read()
	w.link.Wake()
	select {
	case <-w.ready:
		return w, nil
	case <-w.link.Done():
	case <-ctx.Done():
		w.link.Close(fmt.Errorf("handshake: %w", ctx.Err()))
	}
	<-w.readerEnded
	return nil, w.link.Err()
}

// Next implements link.Source: acks first, for a channel may be about to be closed;
// then control; then publishes. But a message that is half written comes before all. It never waits.
func (w *wire) Next(bool) []byte {
	if w.piece == nil {
		w.piece = pieces.Get().(*[2 * maxPiece]byte)[:0]
	}
	b := w.piece[:0]
	if !w.midway {
		b = w.control(b)
	}
	b, w.midway = w.conn.pub.next(w.link, b)
	if len(b) == 0 {
		w.rest()
		return nil
	}
	w.piece = b
	return b
}

// control appends what is to be sent beside publishes.
func (w *wire) control(b []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.consumers {
		b = u.appendAcks(b)
	}
	b = append(b, w.out...)
	w.out = w.out[:0]
	return b
}

// pieces are the buffers of writers that are busy; an idle one has none.
var pieces = sync.Pool{New: func() any { return new([2 * maxPiece]byte) }}

func (w *wire) rest() {
	if cap(w.piece) == 2*maxPiece {
		pieces.Put((*[2 * maxPiece]byte)(w.piece[:2*maxPiece]))
	}
	w.piece = nil
}

// send queues control bytes. The caller holds mu and wakes the link afterwards.
func (w *wire) send(b []byte) { w.out = append(w.out, b...) }

func (w *wire) beat() {
	w.mu.Lock()
	w.out = amqp.AppendHeartbeat(w.out)
	w.mu.Unlock()
	w.link.Wake()
}

// read is the reader goroutine.
func (w *wire) read() {
	if w.turns.run(w.quiet) {
		close(w.readerEnded)
	}
}

// quiet says that nothing is waited for: no confirm, and no answer to a call or a question.
func (w *wire) quiet() bool {
	w.mu.Lock()
	asks := len(w.asked) > 0
	w.mu.Unlock()
	return !asks && w.conn.pub.Quiet()
}

// readOn makes the calling goroutine that, if it is away.
func (w *wire) readOn() {
	if w.turns.seat.Take() {
		w.read()
	}
}

// burst reads once and acts upon all whole frames; for who has the turn.
func (w *wire) burst() error {
	b, err := w.link.Read()
	if err != nil {
		return err
	}
	if b, err = w.frames(b); err != nil {
		return err
	}
	w.link.Keep(b)
	return nil
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrHungUp
	}
	return err
}

// ErrHungUp says that the other side ended the connection without a word.
var ErrHungUp = errors.New("the other side hung up")

var errClosedByPeer = errors.New("the other side closed the connection")

// frames handles all whole frames of a burst and returns the rest.
func (w *wire) frames(b []byte) ([]byte, error) {
	defer w.handOver()
	w.mu.Lock()
	limit := w.proto.FrameMax()
	w.mu.Unlock()
	for {
		rest, f, ok, err := amqp.ParseFrame(b, limit)
		if err != nil {
			return nil, err
		}
		if !ok {
			w.proto.Rest()
			return b, nil
		}
		if err := w.frame(f); err != nil {
			return nil, err
		}
		b = rest
	}
}

// handOver hands over what has been delivered and not handed over yet.
func (w *wire) handOver() {
	few := 0
	for _, u := range w.delivering {
		few += len(u.ready)
	}
	lull := w.turns.lull
	if few > lullMost {
		lull = nil
	}
	for i, u := range w.delivering {
		u.handOver(lull)
		w.delivering[i] = nil
	}
	w.delivering = w.delivering[:0]
	if len(w.answers) > 0 {
		w.conn.pub.replied(w.answers)
		clear(w.answers)
		w.answers = w.answers[:0]
	}
}

// lullMost is up to how many deliveries that came together are few: who has read them may handle them.
const lullMost = 8

func (w *wire) frame(f amqp.Frame) error {
	w.mu.Lock()
	ev, err := w.proto.Receive(f)
	if err != nil {
		return w.fail(f.Channel, err)
	}
	w.send(ev.Reply)
	replied := len(ev.Reply) > 0
	w.mu.Unlock()
	if replied {
		w.link.Wake()
	}
	return w.event(ev)
}

// fail tells the other side what it did wrong and hangs up. The caller holds mu; fail releases it.
func (w *wire) fail(channel uint16, err error) error {
	var fault *amqp.Error
	if errors.As(err, &fault) {
		w.send(w.proto.Fail(0, fault))
	}
	w.mu.Unlock()
	w.link.Drain(time.Now().Add(goodbyeTimeout))
	return fmt.Errorf("the other side broke the protocol on channel %d: %w", channel, err)
}

// event acts upon what a frame amounted to.
func (w *wire) event(ev session.Event) error {
	if len(w.delivering) > 0 && ev.Kind > session.None && ev.Kind != session.Deliver && ev.Kind != session.Confirm {
		w.handOver() // before the consumer may be told that nothing more comes
	}
	switch ev.Kind {
	case session.Start:
		return w.login(ev.Method.(*amqp.ConnectionStart))
	case session.Ready:
		w.begun()
	case session.ChannelOpen, session.Reply:
		w.answered(ev.Channel, ev.Method, nil)
	case session.Deliver:
		w.delivered(ev)
	case session.Confirm:
		w.confirmed(ev)
	case session.ChannelClosed:
		return w.channelClosed(ev)
	case session.Closed:
		return w.closed(ev.Err)
	case session.Cancelled:
		if u := w.consumer(ev.Channel); u != nil {
			u.cancelledBy(w)
		}
	case session.Blocked:
		reason := ev.Method.(*amqp.ConnectionBlocked).Reason
		if reason == session.Leaving {
			w.leaving()
			break
		}
		w.conn.cfg.Logger.Warn("the broker takes no messages for now", "to", w.at.String(), "reason", reason)
		w.conn.pub.setBlocked(w.link, cmp.Or(reason, "no reason given"))
	case session.Unblocked:
		w.conn.cfg.Logger.Info("the broker takes messages again", "to", w.at.String())
		w.conn.pub.setBlocked(w.link, "")
	case session.Flow:
		w.flow(ev)
	}
	return nil
}

// leaving is told that the other side will go, and takes nothing more. What it was asked before it may still answer.
func (w *wire) leaving() {
	w.left.Store(true)
	w.conn.cfg.Logger.Info("the other side is shutting down", "to", w.at.String())
	w.conn.pub.setBlocked(w.link, session.Leaving)
	w.conn.setState(State{Err: errLeaving, Product: w.product})
}

// flow is how some brokers ask for a pause.
func (w *wire) flow(ev session.Event) {
	if ev.Channel != publishChannel {
		return
	}
	reason := ""
	if !ev.Method.(*amqp.ChannelFlow).Active {
		reason = "channel.flow"
	}
	w.conn.pub.setBlocked(w.link, reason)
}

func (w *wire) login(m *amqp.ConnectionStart) error {
	w.mu.Lock()
	b, err := w.proto.Respond("PLAIN", "\x00"+w.at.User+"\x00"+w.at.Password)
	w.product, _ = m.ServerProperties["product"].(string)
	w.packs = packsOf(m.ServerProperties)
	w.send(b)
	w.mu.Unlock()
	w.link.Wake()
	return err
}

func (w *wire) begun() {
	w.mu.Lock()
	w.frameMax = w.proto.FrameMax()
	w.heartbeat = time.Duration(w.proto.Heartbeat()) * time.Second
	w.mu.Unlock()
	w.link.SetMaxRead(int(w.frameMax) + 1)
	close(w.ready)
}

func (w *wire) delivered(ev session.Event) {
	switch m := ev.Method.(type) {
	case *amqp.BasicDeliver:
		if ev.Channel == publishChannel && w.conn.cfg.Publishes {
			if v, err := ev.Content.Props.View(); err == nil {
				w.answers = append(w.answers, came{nil, v.CorrelationID, ev.Content.Props, Reply{w.names.String(v.ContentType), ev.Content.Body}})
			}
			return
		}
		if u := w.consumer(ev.Channel); u != nil && u.delivered(w, m, ev.Content) {
			w.delivering = append(w.delivering, u)
		}
	case *amqp.BasicReturn:
		w.conn.pub.returned(m.Exchange, m.RoutingKey, ev.Content)
	}
}

func (w *wire) confirmed(ev session.Event) {
	switch m := ev.Method.(type) {
	case *amqp.BasicAck:
		w.conn.pub.confirm(m.DeliveryTag, m.Multiple, nil)
	case *amqp.BasicNack:
		w.conn.pub.confirm(m.DeliveryTag, m.Multiple, ErrRefused)
	}
}

func (w *wire) consumer(channel uint16) *Consumer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.consumers[channel]
}

// channelClosed ends what used the channel. The publish channel takes the connection
// with it, so that there is one way to recover.
func (w *wire) channelClosed(ev session.Event) error {
	err := errClosedByPeer
	if ev.Err != nil {
		err = ev.Err
	}
	w.mu.Lock()
	u := w.consumers[ev.Channel]
	delete(w.consumers, ev.Channel)
	w.mu.Unlock()
	w.answered(ev.Channel, nil, err)
	if u != nil {
		u.channelClosed(w, err)
	}
	if ev.Channel == publishChannel && w.conn.cfg.Publishes {
		w.mu.Lock()
		w.closedBy = ev.Err
		w.send(w.proto.Close()) // or the other side would take us for lost
		w.mu.Unlock()
		w.link.Drain(time.Now().Add(goodbyeTimeout))
		return err
	}
	return nil
}

func (w *wire) closed(err *amqp.Error) error {
	w.mu.Lock()
	w.closedBy = err
	w.mu.Unlock()
	w.link.Drain(time.Now().Add(goodbyeTimeout)) // close-ok
	if err == nil {
		return errClosedByPeer
	}
	return err
}

// blame is what the other side closed the wire over, if the reason may lie in what was published.
func (w *wire) blame() *amqp.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closedBy != nil && w.closedBy.Code == amqp.ConnectionForced {
		return nil // an operator, not a message
	}
	return w.closedBy
}

// ask sends a method and waits for its answer, which got (may be nil) is called with,
// in the reader's goroutine. An error of the channel is an *amqp.Error. For the manager.
func (w *wire) ask(channel uint16, m amqp.Method, got func(amqp.Method)) error {
	b, err := m.AppendFrame(nil, channel)
	if err != nil {
		return err
	}
	q := w.expect(channel, got, b)
	return w.await(q, m.ID())
}

func (w *wire) expect(channel uint16, got func(amqp.Method), b []byte) *question {
	q := &question{done: make(chan error, 1), got: got}
	w.mu.Lock()
	w.asked[channel] = q
	w.send(b)
	w.mu.Unlock()
	w.link.Flush()
	w.turns.call()
	return q
}

func (w *wire) await(q *question, id amqp.MethodID) error {
	t := time.NewTimer(answerTimeout)
	defer t.Stop()
	select {
	case err := <-q.done:
		return err
	case <-w.link.Done():
		return w.ended(id)
	case <-w.conn.ctx.Done():
		return ErrClosed
	case <-t.C:
		err := fmt.Errorf("no answer to %s within %s", id, answerTimeout)
		w.link.Close(err)
		return err
	}
}

// ended is the error of a question that the end of the connection has left without an answer. Whatever the other side ended
// it over, that is no verdict upon what was asked, and so no *amqp.Error here.
func (w *wire) ended(id amqp.MethodID) error {
	<-w.link.Done()
	return fmt.Errorf("%w to %s: %v", ErrBroken, id, w.link.Err())
}

// answered hands an answer to who asked.
func (w *wire) answered(channel uint16, m amqp.Method, err error) {
	w.mu.Lock()
	q := w.asked[channel]
	delete(w.asked, channel)
	w.mu.Unlock()
	if q == nil {
		return
	}
	if err == nil && q.got != nil {
		q.got(m)
	}
	q.done <- err
}

// openChannel opens the lowest free channel.
func (w *wire) openChannel() (uint16, error) {
	w.mu.Lock()
	n, b, err := w.proto.OpenChannel()
	if err != nil {
		w.mu.Unlock()
		var fault *amqp.Error
		if errors.As(err, &fault) && fault.Code == amqp.ChannelError { // the reader has met the end, and is about to say why
			err = w.ended(amqp.ChannelOpenID)
		}
		return 0, err
	}
	b = append([]byte(nil), b...)
	w.mu.Unlock()
	return n, w.await(w.expect(n, nil, b), amqp.ChannelOpenID)
}

// closeChannel closes a channel without waiting for the answer.
func (w *wire) closeChannel(n uint16) {
	w.mu.Lock()
	w.send(w.proto.CloseChannel(n))
	w.mu.Unlock()
	w.link.Wake()
}

// goodbye closes the connection in good order, as far as the other side goes along.
func (w *wire) goodbye() {
	deadline := time.Now().Add(goodbyeTimeout)
	w.mu.Lock()
	for _, u := range w.consumers {
		w.out = append(w.out, u.appendAcks(nil)...)
	}
	w.send(w.proto.Close())
	w.mu.Unlock()
	w.turns.call()
	w.link.Drain(deadline)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	select {
	case <-w.readerEnded:
	case <-ctx.Done():
	}
	w.link.Close(ErrClosed)
}

package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/pack"
	"github.com/postrider-mq/postrider/internal/session"
)

// The fates of publishes and calls, beside *amqp.Error and a context's error.
var (
	ErrFull       = errors.New("too much is waiting to be confirmed")
	ErrTooLarge   = errors.New("message does not fit into the outbox")
	ErrUnroutable = errors.New("no queue takes the message")
	ErrRefused    = errors.New("the broker refused the message")
	ErrQueueFull  = fmt.Errorf("%w: a queue there is full", ErrRefused)
	ErrDown       = errors.New("not connected")
	ErrBlocked    = errors.New("the broker takes no messages for now")
	ErrBroken     = errors.New("connection broke before the answer")
	ErrClosed     = errors.New("client is closed")
	ErrExpired    = errors.New("the message's time ran out before it was delivered")
)

// errLeaving is why nothing is written to one who has said that he will go.
var errLeaving = fmt.Errorf("%w: the other side is shutting down", ErrDown)

// errUnanswered is why nothing is written on a connection that is in use already.
var errUnanswered = errors.New("the broker has not answered yet whether what is published to is there")

// Publisher is the publishing half of a [Conn]: a bounded send log and the calls
// that wait for a reply. Any goroutine may use it.
type Publisher struct {
	maxMessages int
	maxBytes    int
	changed     func() // tells the connection that replies are wanted

	mu       sync.Mutex
	log      sendLog
	link     *link.Link // nil while there is no connection
	turns    *turns     // of that link
	open     bool       // the channel is set up, and what is wanted of the connection is there
	blocked  string     // why the broker asked for a pause; empty when it does not
	wants    uint64     // counts what was wanted of the connection, see hold
	frameMax uint32     // the connection's
	largest  uint64     // body that the other side takes; 0: it has not said
	room     chan struct{}
	why      error // why there is no connection, or was none; nil while it is in use
	refused  error // the last connection was refused in a way that waiting will not mend
	closed   bool
	idle     chan struct{}

	internalErrors int                      // ended connections, since something was confirmed
	product        string                   // what the other side calls itself
	sure           map[string]bool          // destinations whose refusals are believed, on this connection; true: they are full then
	holding        map[string]time.Duration // destinations that had messages when this connection asked for their queues, and when that was
	doubts         map[string]int           // how often others were not believed

	calls    map[string]*call
	untaken  func(exchange, key string)       // is told of each message that no queue took
	answered func(amqp.RawProperties, []byte) // gets the answers that no call waits for; nil: nobody
	replies  bool                             // calls were made: the channel consumes replies
	awoken   int                              // callers that were answered together, and have not called again
	hint     uint64

	settled []*Fate // the reader's

	keeper  Keeper        // nil: nothing is kept
	scratch []byte        // what it was given last
	born    time.Time     // when the clock began
	due     time.Duration // when the timer rings; 0: it does not
	timer   *time.Timer

	sendings, callings sync.Pool // here, so that their channels do not outlive the publisher
}

// Default bounds of a send log.
const (
	DefaultMaxMessages = 1 << 18
	DefaultMaxBytes    = 64 << 20
	defaultFrameMax    = 128 << 10
)

func newPublisher(maxMessages, maxBytes int, changed func(), keeper Keeper) *Publisher {
	if maxMessages <= 0 {
		maxMessages = DefaultMaxMessages
	}
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	p := &Publisher{
		maxMessages: maxMessages,
		maxBytes:    maxBytes,
		changed:     changed,
		frameMax:    defaultFrameMax,
		why:         ErrDown,
		keeper:      keeper,
		born:        time.Now(),
		sure:        make(map[string]bool),
		holding:     make(map[string]time.Duration),
		doubts:      make(map[string]int),
		calls:       make(map[string]*call),
		sendings:    sync.Pool{New: newSending},
	}
	p.callings.New = newCall
	p.log.now = p.now
	return p
}

// Post accepts a message and returns at once; f is decided when it is confirmed,
// over however many connections. id and body are copied. ErrFull and ErrClosed,
// and an id or body that is too long, leave f undecided.
func (p *Publisher) Post(f *Fate, env *Envelope, id, body []byte) error {
	return p.postLater(f, env, id, 0, body)
}

// PostCounted is Post for a message whose id is what its envelope, a packable one, says and a count, which is at least 1.
func (p *Publisher) PostCounted(f *Fate, env *Envelope, count uint64, body []byte) error {
	return p.postLater(f, env, nil, count, body)
}

func (p *Publisher) postLater(f *Fate, env *Envelope, id []byte, count uint64, body []byte) error {
	l, t, alone, err := p.post(f, env, id, count, body, false)
	switch {
	case l == nil:
		return err
	case alone && len(body) <= smallPost:
		l.Flush()
	default:
		l.Wake()
	}
	t.call()
	return err
}

// smallPost is up to how many bytes a message that is posted while nothing is under way is written by who posts it. To wake the writer costs him
// about as much, and the message more time; more bytes take their time to copy.
const smallPost = 4 << 10

// PostNow is Post for a message that somebody waits for: it is written in the calling
// goroutine if that can be done at once.
func (p *Publisher) PostNow(f *Fate, env *Envelope, id, body []byte) error {
	l, t, _, err := p.post(f, env, id, 0, body, true)
	if l != nil {
		l.Flush()
		t.call()
	}
	return err
}

// post adds a message, and returns what it can be written on at once, if there is something. alone says that it is all that is not confirmed.
func (p *Publisher) post(f *Fate, env *Envelope, id []byte, count uint64, body []byte, now bool) (l *link.Link, t *turns, alone bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if count != 0 && (!p.log.packs.counts || p.keeper != nil || count > pack.MaxCount || len(body) > pack.Small) {
		id, count = p.log.textOf(env, count), 0
	}
	if _, err := p.add(f, env, id, count, body, false, nil); err != nil {
		return nil, nil, false, err
	}
	p.log.hasty = p.log.hasty || now
	if !p.log.ripe() {
		return nil, nil, false, nil
	}
	return p.writable(), p.turns, p.log.live == 1, nil
}

// sending is the fate of a Send and what wakes its caller; it is used again.
type sending struct {
	Fate
	token   waiter
	decided func() bool // Fate.Decided, bound once
}

func newSending() any {
	s := &sending{token: waiter{ch: make(chan struct{}, 1), reused: true}}
	s.decided = s.Decided
	return s
}

// Send publishes a message and waits for its confirm. If ctx ends first, the
// error is the context's, joined with ErrDown and its reason when there is no
// connection, with ErrBlocked when the broker takes nothing; a message that was not written by then never will be. written says
// whether, after an error, it may have been delivered all the same.
func (p *Publisher) Send(ctx context.Context, env *Envelope, id, body []byte) (written bool, err error) {
	s := p.sendings.Get().(*sending)
	s.waiter.Store(&s.token)
	at, t, err := p.enqueue(ctx, nil, &s.Fate, env, id, body)
	if err != nil {
		return false, err
	}
	if t != nil {
		t.readUntil(ctx, s.decided, p.Quiet)
	}
	select {
	case <-s.token.ch:
	case <-ctx.Done():
		if err := p.Because(ctx.Err()); s.Abandon(err) {
			p.forget(at, &s.Fate)
			return s.written, err
		}
		<-s.token.ch
	}
	written, err = s.written, s.Err()
	if err == nil { // nothing else knows it any more
		s.Fate = Fate{}
		p.sendings.Put(s)
	}
	return written, err
}

// fewWaiting is up to how many unconfirmed or unanswered messages each is better written at once by who sends it. When more
// are on their way, one system call for many of them is worth a wait for the writer.
const fewWaiting = 8

// enqueue adds a message whose sender waits, and writes it in this goroutine if few are on their way and
// that can be done at once; c is its call, if it is one. It waits for room, until ctx ends or the call does. The turns are those of a connection on which it
// can be written now, if there is one.
func (p *Publisher) enqueue(ctx context.Context, c *call, f *Fate, env *Envelope, id, body []byte) (uint64, *turns, error) {
	if ctx.Err() != nil {
		return 0, nil, p.Because(ctx.Err())
	}
	var over chan answer
	var room *more
	p.mu.Lock()
	if c != nil {
		if err := p.expect(c); err != nil {
			p.mu.Unlock()
			return 0, nil, err
		}
		over, room = c.answer, &c.more
	}
	for {
		at, err := p.add(f, env, id, 0, body, true, room)
		p.log.hasty = true
		if err == ErrFull {
			freed := p.awaitRoom()
			p.mu.Unlock()
			select {
			case <-freed:
				p.mu.Lock()
				continue
			case <-ctx.Done():
				return 0, nil, fmt.Errorf("%w: %w", ErrFull, p.Because(ctx.Err()))
			case a := <-over:
				return 0, nil, fmt.Errorf("%w: %w", ErrFull, p.Because(a.err))
			}
		}
		l, t, many := p.writable(), p.turns, max(p.log.live, len(p.calls)+p.awoken) > fewWaiting
		if c != nil && p.awoken > 0 {
			p.awoken--
		}
		p.mu.Unlock()
		switch {
		case err != nil || l == nil:
			return at, nil, err
		case many:
			l.Wake()
		default:
			l.Flush()
		}
		return at, t, nil
	}
}

// add copies a message into the log; room is for what more is to be known of it, nil: there is none. The caller holds mu.
func (p *Publisher) add(f *Fate, env *Envelope, id []byte, count uint64, body []byte, wait bool, room *more) (uint64, error) {
	if p.closed {
		return 0, ErrClosed
	}
	if wait && p.refused != nil {
		return 0, p.refused
	}
	if len(id) > MaxID {
		return 0, fmt.Errorf("a message-id of %d bytes is too long, %d are allowed", len(id), MaxID)
	}
	n := pack.Size(len(id), len(body))
	if n > p.maxBytes {
		return 0, fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLarge, n, p.maxBytes)
	}
	if p.largest != 0 && uint64(len(body)) > p.largest { // sent, it would end the connection, and with that the calls of others
		return 0, amqp.Errorf(amqp.PreconditionFailed, "message size %d is larger than configured max size %d", len(body), p.largest)
	}
	if p.log.live >= p.maxMessages || p.log.bytes+n > p.maxBytes {
		return 0, ErrFull
	}
	m, err := p.more(f, env, id, body, wait, room)
	if err != nil {
		return 0, err
	}
	return p.log.add(f, env, id, count, body, wait, m), nil
}

// writable returns the link if publishes can go out on it now. The caller holds mu.
func (p *Publisher) writable() *link.Link {
	if !p.open || p.blocked != "" {
		return nil
	}
	return p.link
}

func (p *Publisher) awaitRoom() chan struct{} {
	if p.room == nil {
		p.room = make(chan struct{})
	}
	return p.room
}

// freed wakes those who wait for room or for the log to be empty. The caller holds mu.
func (p *Publisher) freed() {
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
	if p.idle != nil && p.log.live == 0 {
		close(p.idle)
		p.idle = nil
	}
	if len(p.log.done) > 0 {
		p.keeper.Done(p.log.done)
		p.log.done = p.log.done[:0]
	}
}

// forget drops a message that its sender gave up before it was written.
func (p *Publisher) forget(at uint64, f *Fate) {
	p.mu.Lock()
	p.log.forget(at, f)
	p.freed()
	p.mu.Unlock()
}

// Because is the error of who gave up, with the reason when nothing can be written.
func (p *Publisher) Because(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why := p.reason(); why != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// reason is why nothing can be written now; nil when it can. The caller holds mu.
func (p *Publisher) reason() error {
	switch {
	case p.blocked == session.Leaving:
		return errLeaving
	case p.blocked != "": // RabbitMQ answers nothing then, not even whether a queue is there
		return fmt.Errorf("%w: %s", ErrBlocked, p.blocked)
	case p.open:
		return nil
	case p.link != nil && p.why == nil:
		return errUnanswered
	}
	return p.why
}

// Quiet says that nothing is waited for: no confirm, and no answer.
func (p *Publisher) Quiet() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.live == 0 && len(p.calls) == 0
}

// Flush waits until nothing is unconfirmed, or connecting fails for a reason that waiting will not mend.
func (p *Publisher) Flush(ctx context.Context) error {
	p.mu.Lock()
	if p.log.live == 0 {
		p.mu.Unlock()
		return nil
	}
	if err := p.refused; err != nil {
		p.mu.Unlock()
		return err
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return p.hopeless()
	case <-ctx.Done():
		return p.Because(ctx.Err())
	}
}

// hopeless is why what is unconfirmed will not be delivered, however long one waits; nil if there is no such reason.
func (p *Publisher) hopeless() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log.live == 0 {
		return nil
	}
	return p.refused
}

// Posted says how many of the messages that are not confirmed are posts which a [Keeper] would keep.
func (p *Publisher) Posted() (messages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := p.log.tail; at != p.log.head; at++ {
		if e := p.log.at(at); e.fate != nil && !e.wait && e.env.keep != "" {
			messages++
		}
	}
	return messages
}

// Pending returns how many messages are unconfirmed and the size of their ids and bodies.
func (p *Publisher) Pending() (messages, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.live, p.log.bytes
}

package postrider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// embedded is the broker in this process: it holds the inbox, and the mailboxes when
// no other broker does. This node is attached to it without a socket.
type embedded struct {
	ctx    context.Context // the node's
	broker *broker.Broker
	conn   *broker.Conn
	shared bool // others may delete what is in it

	ln      net.Listener
	serving sync.WaitGroup

	asked *asked // gets the answers that no call waits for
	log   *slog.Logger

	mu      sync.Mutex
	answers string                   // the queue that answers come to; "" until the first call
	calls   map[string]chan<- answer // by what they are answered under
	bound   map[*localIntake]string  // to which exchange
	gone    chan struct{}
}

func openEmbedded(ctx context.Context, cfg Config, log *slog.Logger, a *asked, pace func()) (*embedded, error) {
	only, packSize := cfg.Name, cfg.packSize()
	if cfg.ShareMailboxes {
		only, packSize = "", 0 // others may receive from the inbox, who cannot take a pack apart
	}
	b, err := broker.Open(broker.Config{
		Dir: cfg.Dir, Name: cfg.Name, Logger: log, Users: cfg.Users, InboxOnly: only, InboxAlso: []string{cfg.Name + controlSuffix},
		Packs: cfg.Name, PackSize: packSize, Pace: pace, Goodbye: goodbyeTime,
		MemoryMark:    -1,                                      // the process has a life of its own
		MessageMemory: defaultMessageMemory + cfg.inboxBytes(), // a full inbox does not stop the rest
	})
	if err != nil {
		return nil, err
	}
	c, err := b.Dial(broker.DialConfig{Name: cfg.Name})
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return &embedded{
		ctx:    ctx,
		broker: b,
		conn:   c,
		shared: cfg.ShareMailboxes,
		bound:  make(map[*localIntake]string),
		asked:  a,
		log:    log,
		calls:  make(map[string]chan<- answer),
		gone:   make(chan struct{}),
	}, nil
}

// defaultMessageMemory is the broker's, for all but the inbox.
const defaultMessageMemory = 128 << 20

func (e *embedded) serve(ln net.Listener) {
	e.ln = ln
	e.serving.Go(func() { e.broker.Serve(ln) })
}

func (e *embedded) addr() net.Addr {
	if e.ln == nil {
		return nil
	}
	return e.ln.Addr()
}

// goodbyeTime bounds how long a node that ends in good order waits for its peers to have read what it had to say.
const goodbyeTime = time.Second

// close closes the broker, in good order after it has told its clients what there was to tell.
func (e *embedded) close(ctx context.Context, orderly bool) error {
	if e == nil {
		return nil
	}
	close(e.gone)
	e.conn.Close()
	leave := e.broker.Close
	if orderly || ctx.Err() != nil {
		leave = func() error { return e.broker.Shutdown(ctx) }
	}
	err := leave()
	e.serving.Wait()
	if err == ctx.Err() { // as the caller knows
		err = nil
	}
	return err
}

// local is the outlet to a queue of the embedded broker, or to an exchange of it.
type local struct {
	at    *embedded
	queue string
	from  string
	via   string           // the exchange; "": straight into the queue
	all   *client.Exchange // the same, where each who is bound to it gets what is published; else nil
	key   string           // "": the message's own
	alone bool             // nobody need be there to take a message

	of           *client.Queue        // what queue is, to make it again when somebody has deleted it; nil: nobody can
	made         func() error         // is called when it was made sure of; nil: nothing is
	subscription func() *client.Queue // what one receives from; nil: queue
}

// sure makes sure of what one receives from, and returns its name.
func (l *local) sure(ctx context.Context) (string, error) {
	_, name, err := l.makeSure(ctx)
	return name, err
}

// makeSure is sure, and returns what the queue is; nil if nobody knows.
func (l *local) makeSure(ctx context.Context) (q *client.Queue, name string, err error) {
	q = l.of
	if l.subscription != nil {
		q = l.subscription()
	}
	if q == nil {
		return nil, l.queue, nil
	}
	name, err = l.at.sure(ctx, q)
	if err == nil && l.made != nil {
		err = l.made()
	}
	return q, name, err
}

// remade reports whether what was published may have better luck now: it was for a queue or exchange that somebody has deleted, and which is made again.
func (l *local) remade(ctx context.Context, err error) bool {
	gone := isRefusal(err, amqp.NotFound)
	switch {
	case l.all != nil && gone:
		err = l.at.remake(ctx, l.all)
	case l.of != nil && (gone || errors.Is(err, client.ErrUnroutable)):
		_, err = l.sure(ctx)
	default:
		return false
	}
	return err == nil
}

// publishing copies the body: the broker keeps it, and the caller may go on using its own.
func (l *local) publishing(d *draft) *broker.Publishing {
	p := &broker.Publishing{
		Key:        l.queue,
		Mandatory:  d.mandatory(l.alone),
		Properties: d.properties(l.from),
		Body:       append([]byte(nil), d.body...),
	}
	p.Properties.MessageID = d.id.String()
	if d.more != nil && d.more.expires != 0 {
		p.Properties.Expiration = milliseconds(d.more.expires)
	}
	if l.via == "" {
		return p
	}
	p.Exchange, p.Key = l.via, l.key
	if p.Key == "" {
		p.Key = d.key()
	}
	return p
}

// There is no outbox before a queue in this process; a broker that is low on memory or disk is a full one.
func (l *local) post(f *client.Fate, d draft) error {
	if why := l.at.conn.Blocked(); why != "" {
		return fmt.Errorf("%w: %s", client.ErrFull, why)
	}
	err := l.at.publish(l.publishing(&d), f)
	l.remade(l.at.ctx, cmp.Or(err, f.Err())) // for what follows
	return err
}

// ready waits until the broker takes messages.
func (e *embedded) ready(ctx context.Context) error { return localError(e.conn.Ready(ctx)) }

func (e *embedded) publish(p *broker.Publishing, f *client.Fate) error {
	return localError(e.conn.Publish(p, confirmer{f}))
}

// confirmer tells a fate in the words of internal/client.
type confirmer struct{ fate *client.Fate }

func (c confirmer) Confirmed(err error) {
	if errors.Is(err, broker.ErrUnconfirmed) {
		c.fate.HandedOver()
	}
	c.fate.Confirmed(localError(err))
}

func localError(err error) error {
	switch {
	case errors.Is(err, broker.ErrUnroutable):
		return client.ErrUnroutable
	case errors.Is(err, broker.ErrFull):
		return client.ErrQueueFull
	case errors.Is(err, broker.ErrClosed):
		return client.ErrClosed
	case errors.Is(err, broker.ErrBlocked):
		return also{err, []error{client.ErrBlocked}} // in the same words
	}
	return err
}

func (l *local) send(ctx context.Context, d draft) (bool, error) {
	if err := l.at.ready(ctx); err != nil {
		return false, err
	}
	written, err := l.at.deliver(ctx, l.publishing(&d))
	if l.remade(ctx, err) {
		return l.at.deliver(ctx, l.publishing(&d))
	}
	return written, err
}

// deliver publishes, and waits for what becomes of it.
func (e *embedded) deliver(ctx context.Context, p *broker.Publishing) (written bool, err error) {
	f := new(client.Fate)
	if err := e.publish(p, f); err != nil {
		return false, err
	}
	return e.confirmed(ctx, f)
}

// confirmed waits for a fate. A message that is not confirmed yet is with the broker already.
func (e *embedded) confirmed(ctx context.Context, f *client.Fate) (written bool, err error) {
	select {
	case <-f.Done():
		return f.WasWritten(), f.Err()
	case <-ctx.Done():
		return true, ctx.Err()
	case <-e.gone:
		return true, client.ErrClosed
	}
}

func (l *local) call(ctx context.Context, limit time.Duration, d draft) (answer, bool, error) {
	if limit == 0 {
		return l.ask(ctx, d)
	}
	limited, done := context.WithTimeout(ctx, limit)
	defer done()
	a, written, err := l.ask(limited, d)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = also{err, []error{client.ErrLate}}
	}
	return a, written, err
}

// ask lets the answer come to a queue of this node's own.
func (l *local) ask(ctx context.Context, d draft) (answer, bool, error) {
	if err := l.at.ready(ctx); err != nil {
		return answer{}, false, err
	}
	answers, err := l.at.answerQueue(ctx)
	if err != nil {
		return answer{}, false, err
	}
	name := cmp.Or(d.called(), d.id.String())
	got := make(chan answer, 1)
	if err := l.at.expect(name, &d, got); err != nil {
		return answer{}, false, err
	}
	defer l.at.unexpect(name)
	p := l.publishing(&d)
	p.Mandatory = true
	p.Properties.DeliveryMode = amqp.Transient
	p.Properties.ReplyTo, p.Properties.CorrelationID = answers, name
	if left := d.lifetime(ctx, 0); left != 0 {
		p.Properties.Expiration = milliseconds(left)
	}
	written, err := l.at.deliver(ctx, p)
	if l.remade(ctx, err) {
		written, err = l.at.deliver(ctx, p)
	}
	if err != nil {
		return answer{}, written, err
	}
	select {
	case a := <-got:
		return a, true, nil
	case <-ctx.Done():
		return answer{}, true, ctx.Err()
	case <-l.at.gone:
		return answer{}, true, client.ErrClosed
	}
}

func (l *local) answers(ctx context.Context) (string, error) { return l.at.answerQueue(ctx) }

func (e *embedded) expect(name string, call *draft, got chan<- answer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, taken := e.calls[name]; taken {
		return fmt.Errorf("a call with the id %q is under way", call.id)
	}
	e.calls[name] = got
	return nil
}

func (e *embedded) unexpect(name string) {
	e.mu.Lock()
	delete(e.calls, name)
	e.mu.Unlock()
}

// answerQueue declares the queue for answers when it is first needed.
func (e *embedded) answerQueue(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.answers != "" {
		return e.answers, nil
	}
	q, err := e.conn.DeclareQueue(ctx, broker.QueueOptions{Exclusive: true, AutoDelete: true})
	if err != nil {
		return "", err
	}
	if _, err := e.conn.Consume(ctx, q.Name, broker.ConsumeOptions{NoAck: true}, e.answered); err != nil {
		return "", err
	}
	e.answers = q.Name
	return e.answers, nil
}

func (e *embedded) answered(d broker.Delivery) {
	v, err := d.Props.View()
	if err != nil {
		return
	}
	e.mu.Lock()
	got := e.calls[string(v.CorrelationID)]
	e.mu.Unlock()
	if got == nil {
		e.asked.answered(d.Props, d.Body)
		return
	}
	select {
	case got <- answer{contentType: string(v.ContentType), body: d.Body}:
	default:
	}
}

// reply puts properties and body into one piece of memory.
func (l *local) reply(to, correlation []byte, d draft, more bool) error {
	var buf [maxGeneratedID]byte
	p := d.properties(l.from)
	p.DeliveryMode, p.CorrelationID, p.MessageID = amqp.Transient, string(correlation), string(d.id.appendTo(buf[:0])) // no copies that outlive this
	room := answerRoom + len(p.ContentType) + len(p.CorrelationID) + len(p.MessageID) + len(p.AppID)
	props, err := p.Append(make([]byte, 0, room+len(d.body)))
	if err != nil {
		return err
	}
	whole := append(props, d.body...)
	return localError(l.at.conn.Answer(to, props, whole[len(props):], more))
}

// answerRoom is enough for what else the properties of an answer have, in bytes.
const answerRoom = 2 + 4 + 1 // flags, lengths of four strings, the delivery mode

func (l *local) pass(ctx context.Context, f *client.Fate, to *client.Queue, p *amqp.Properties, body []byte) error {
	if _, err := l.at.sure(ctx, to); err != nil { // one that is there is used as it is
		return localError(err)
	}
	return l.at.publish(&broker.Publishing{Key: to.Name, Mandatory: true, Properties: *p, Body: body}, f)
}

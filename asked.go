package postrider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/seal"
)

// inquiry is a message of which the sender wants to know when it was handled.
//
//	posted ──confirmed──► received or stored ──receipt──► handled, or failed for good
//	                          ▲     │
//	                          └─────┘ the connection to a peer broke: it is sent once more, and known there by its id
//
// The receipt is a message of its own, to the address that the inquiry carries: for a peer that of the connection,
// for a broker a queue of this node's, which outlives connections.
type inquiry struct {
	handled client.Fate
	name    string       // by which its receipt names it
	id      messageID    // of the message
	fate    *client.Fate // how far it came before
	again   func() error // nil: a receipt finds its way without
	pub     *client.Publisher
	size    int
	end     *time.Timer  // set where it expires; guarded by the lock of asked
	asking  bool         // it is among those that are about to be asked again; likewise
	secret  *seal.Secret // of a sealed message, whose receipt has to be sealed, too
}

// asked are the inquiries of a node, by name.
type asked struct {
	most, mostBytes int

	mu    sync.Mutex
	open  map[string]*inquiry
	bytes int
	over  bool
}

func newAsked(cfg Config) *asked {
	a := &asked{most: cfg.OutboxMessages, mostBytes: cfg.OutboxBytes, open: make(map[string]*inquiry)}
	if a.most <= 0 {
		a.most = client.DefaultMaxMessages
	}
	if a.mostBytes <= 0 {
		a.mostBytes = client.DefaultMaxBytes
	}
	return a
}

// expect books an inquiry before its message can be answered. Within is how long it can take until it is handled, or never will be; 0: nobody knows.
func (a *asked) expect(q *inquiry, within time.Duration) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.over:
		return client.ErrClosed
	case len(a.open) >= a.most || a.bytes+q.size > a.mostBytes:
		return fmt.Errorf("%w: %d messages are not handled yet", client.ErrFull, len(a.open))
	case a.open[q.name] != nil:
		return fmt.Errorf("a message with the id %q is under way", q.name)
	}
	a.open[q.name] = q
	a.bytes += q.size
	if within > 0 {
		q.end = time.AfterFunc(within, func() {
			if a.waitsFor(q) {
				a.end(q.name, client.ErrExpired)
			}
		})
	}
	return nil
}

// end decides an inquiry; nil says that its message was handled. Unknown ones are passed over: their senders gave up.
func (a *asked) end(name string, err error) {
	if q := a.take(name); q != nil {
		q.handled.Confirmed(err)
	}
}

func (a *asked) take(name string) *inquiry {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.open[name]
	if q != nil {
		a.drop(q)
	}
	return q
}

// drop takes an inquiry out. The caller holds mu.
func (a *asked) drop(q *inquiry) {
	delete(a.open, q.name)
	a.bytes -= q.size
	if q.end != nil {
		q.end.Stop()
	}
}

// answered is told of each receipt.
func (a *asked) answered(props amqp.RawProperties, body []byte) {
	v, err := props.View()
	if err != nil {
		return
	}
	name, got := string(v.CorrelationID), answer{string(v.ContentType), body}
	if q := a.sealed(name); q != nil {
		if got, err = openAnswer(q.secret, q.id.String(), got); err != nil {
			var refused *RemoteError
			if errors.As(err, &refused) { // it could not be opened there. Anything else is nobody's receipt
				a.end(name, err)
			}
			return
		}
	}
	if got.contentType == typeError {
		a.end(name, refusal(got.body))
		return
	}
	a.end(name, nil)
}

// sealed is the inquiry of that name if its receipt has to be sealed; else nil.
func (a *asked) sealed(name string) *inquiry {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q := a.open[name]; q != nil && q.secret != nil {
		return q
	}
	return nil
}

// lost asks once more what was received over a connection that broke, for the receipt would have come by it.
func (a *asked) lost(pub *client.Publisher) {
	var list []*inquiry
	a.mu.Lock()
	for _, q := range a.open {
		if q.again != nil && q.pub == pub && q.fate.Decided() && !q.asking {
			q.asking = true
			list = append(list, q)
		}
	}
	a.mu.Unlock()
	a.askAll(list)
}

// askAll asks again. Those for which the outbox has no room are asked later.
func (a *asked) askAll(list []*inquiry) {
	for i, q := range list {
		if !a.waitsFor(q) {
			continue
		}
		if errors.Is(q.again(), client.ErrFull) {
			time.AfterFunc(whileFull, func() { a.askAll(list[i:]) })
			return
		}
		a.mu.Lock()
		q.asking = false
		a.mu.Unlock()
	}
}

// askAgain sends an inquiry once more, and does not give up when the inbox there is full: its message is in it, or was. One that has expired
// by then, if until is not the zero time, has none any more.
func (a *asked) askAgain(way *remote, d draft, until time.Time, q *inquiry) error {
	if !until.IsZero() {
		left := *d.more
		if left.expires = time.Until(until); left.expires <= 0 {
			a.end(q.name, client.ErrExpired)
			return nil
		}
		d.more = &left
	}
	f := new(client.Fate)
	f.Tell(func(err error) {
		switch {
		case err == nil || !a.waitsFor(q):
		case errors.Is(err, client.ErrExpired):
			a.end(q.name, err)
		case errors.Is(err, client.ErrRefused):
			time.AfterFunc(whileFull, func() { a.askAll([]*inquiry{q}) })
		}
	})
	return way.post(f, d)
}

func (a *asked) waitsFor(q *inquiry) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[q.name] == q
}

// close takes no more inquiries, and ends those whose messages have arrived. The others end as their messages do, when the connections
// close: only then is it known whether they may have been delivered.
func (a *asked) close() {
	a.endAll(func(q *inquiry) bool { return q.fate.Decided() })
}

// closed ends what is left when all connections have closed.
func (a *asked) closed() { a.endAll(func(*inquiry) bool { return true }) }

func (a *asked) endAll(which func(*inquiry) bool) {
	a.mu.Lock()
	a.over = true
	var ended []*inquiry
	for _, q := range a.open {
		if which(q) {
			ended = append(ended, q)
			a.drop(q)
		}
	}
	a.mu.Unlock()
	for _, q := range ended {
		q.handled.Confirmed(client.ErrClosed)
	}
}

// ask posts a message whose recipient says when it has handled it. m, if it is not nil, wants to know, too.
func (t *Target) ask(ctx context.Context, d draft, m *Outgoing) (*Receipt, error) {
	to, err := t.way.answers(ctx)
	if err != nil {
		return nil, err
	}
	d.nameInquiry(t.node)
	d.more.receipt = to
	r := &Receipt{target: t, id: d.id, inquiry: &inquiry{name: d.more.inquiry, id: d.id, secret: d.secret}}
	q := r.inquiry
	q.fate = &r.fate
	q.handled.Tell(m.follow(d.id, &r.fate, Handled))
	if way, direct := t.way.(*remote); direct && way.conn == nil {
		d.body = append([]byte(nil), d.body...)
		q.pub, q.size = way.pub, len(d.body)
		var until time.Time
		if d.more.expires != 0 {
			until = time.Now().Add(d.more.expires)
		}
		q.again = func() error { return t.node.asked.askAgain(way, d, until, q) }
	}
	book := t.node.asked
	if err := book.expect(q, t.node.cfg.handledWithin(d.more.expires)); err != nil {
		return nil, err
	}
	r.fate.Tell(func(err error) {
		if err != nil {
			book.end(q.name, err)
		}
	})
	if err := t.way.post(&r.fate, d); err != nil {
		book.take(q.name)
		return nil, err
	}
	return r, nil
}

// nameInquiry says by which name the receipt of the message will be known, unless that was said before: its id, or another where the caller has chosen that, for there
// may be others of it, for other targets too.
func (d *draft) nameInquiry(n *Node) {
	if d.more == nil {
		d.more = new(extras)
	}
	switch {
	case d.more.inquiry != "":
	case d.id.of == n.ids:
		d.more.inquiry = d.id.String()
	default:
		d.more.inquiry = n.ids.next().String()
	}
}

// sendUntilHandled is Send for a sender who waits for the handler. His deadline is the message's, too: nobody wants it handled later.
func (t *Target) sendUntilHandled(ctx context.Context, d draft) error {
	if d.more == nil {
		d.more = new(extras)
	}
	d.more.waited = true
	deadline, limited := ctx.Deadline()
	limited = limited && d.more.expires == 0
	if limited {
		d.more.expires = max(time.Until(deadline), time.Millisecond)
	}
	err := ctx.Err()
	var r *Receipt
	if err == nil {
		r, err = t.ask(ctx, d, nil)
	}
	if err != nil {
		return t.failed(d.id, err, false)
	}
	select {
	case <-r.handled.Done():
		if !limited || !errors.Is(r.handled.Err(), client.ErrExpired) {
			return r.Err()
		}
		<-ctx.Done() // at the same time
	case <-ctx.Done():
		t.node.asked.take(r.inquiry.name)
	}
	err = ctx.Err()
	if way, ok := t.way.(*remote); ok {
		err = way.pub.Because(err)
	}
	r.fate.Abandon(err)
	return t.failed(d.id, err, r.fate.Err() == nil || r.fate.WasWritten())
}

// refusal is an answer that says no.
func refusal(body []byte) *RemoteError {
	e := &RemoteError{Code: handlerFailed}
	if err := json.Unmarshal(body, e); err != nil {
		e.Reason = "an error that cannot be read: " + err.Error()
	}
	return e
}

// headerReceipt asks for a receipt at the reply-to address, with the correlation-id, when the message was handled.
const headerReceipt = "x-postrider-receipt"

func wantsReceipt(props amqp.RawProperties) bool { return flag(rawHeaders(props), headerReceipt) }

// tell sends the receipt: nil when the message was handled, or why it never will be.
func (m *Message) tell(why error) {
	t := m.tap.target
	v, err := m.props.View()
	if err == nil {
		var d draft
		var body any = []byte(nil)
		if why != nil {
			body = remoteError(why)
		}
		if d, err = t.draft(body, &sendOptions{}); err == nil {
			err = m.encloseAnswer(&d)
		}
		if err == nil {
			err = m.back().reply(v.ReplyTo, v.CorrelationID, d, m.more)
		}
	}
	if err != nil && !errors.Is(err, client.ErrClosed) {
		m.log().Warn("the sender could not be told that its message was handled", "message", m.ID, "from", m.From, "error", err)
	}
}

// receiptQueue is where receipts come to by way of the brokers: a queue of this life of the node, which outlives connections,
// and ends when it has not been used for a while.
func (n *Node) receiptQueue() string {
	n.receiptsOnce.Do(func() {
		q := &client.Queue{
			Name:    n.cfg.Name + ".receipts." + rand.Text()[:16],
			Durable: true,
			Args:    amqp.Table{"x-expires": receiptQueueLife.Milliseconds()},
		}
		n.receipts = q.Name
		n.receivingConn().Consume(q, defaultPrefetch, func(d *client.Delivery) {
			n.asked.answered(d.Props, d.Body)
			d.Ack()
		})
		n.sendingConn().Ensure(q) // before what asks for a receipt goes out
	})
	return n.receipts
}

const receiptQueueLife = 5 * time.Minute

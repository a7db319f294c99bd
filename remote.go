package postrider

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/link"
)

// remote is the outlet to a queue of another process: a peer's inbox, or a mailbox on
// a broker. Or to an exchange there, from which who receives has a queue.
type remote struct {
	queue *client.Queue
	via   *client.Exchange // nil: straight into the queue
	key   string           // "": the message's own
	alone bool             // nobody need be there to take a message
	inbox bool             // it is a peer's inbox, which may take packs
	ids   *identity        // of an inbox: this node's

	subscription func() *client.Queue // what one receives from; nil: queue

	from      string
	pub       *client.Publisher
	receiving func() *client.Conn // where messages are taken; nil: nowhere
	conn      *client.Conn        // makes sure of the queue before the first message; nil: it is the peer's
	ensured   sync.Once
	receipts  func() string // makes sure of the queue for receipts
	patience  time.Duration // with who holds a message; 0: without end
	keep      string        // what the outbox on disk calls it; "": what is posted is not kept there
	envelopes [styles]atomic.Pointer[client.Envelope]
	questions [styles]atomic.Pointer[client.Envelope] // of calls
	limited   [styles]atomic.Pointer[client.Envelope] // of those that have Config.CallTimeout
}

// envelope is what messages of one style have in common, encoded once.
func (r *remote) envelope(d *draft) (*client.Envelope, error) {
	r.prepare()
	if d.more != nil {
		return r.sealToKeep(d)
	}
	if e := r.envelopes[d.style].Load(); e != nil {
		return e, nil
	}
	e, err := r.sealToKeep(d)
	if err == nil {
		r.envelopes[d.style].Store(e)
	}
	return e, err
}

// sealToKeep makes the envelope of a message that stays in the outbox, on disk too, until it is confirmed; and no longer than it is wanted.
func (r *remote) sealToKeep(d *draft) (*client.Envelope, error) {
	e, err := r.seal(d, d.mandatory(r.alone), d.properties(r.from))
	if err != nil {
		return nil, err
	}
	if d.more != nil && d.more.expires != 0 {
		e = e.Expiring(d.more.expires)
	}
	if d.more != nil && d.more.waited {
		return e, nil
	}
	return e.Kept(r.keep), nil
}

func (r *remote) seal(d *draft, mandatory bool, p amqp.Properties) (*client.Envelope, error) {
	via, key := r.address(d)
	e, err := client.NewEnvelope(via, key, mandatory, p)
	if err == nil && r.inbox && d.more == nil {
		return e.Packable(p, r.ids.prefix)
	}
	return e, err
}

// address is the exchange and the key of a message.
func (r *remote) address(d *draft) (via, key string) {
	if r.via == nil {
		return "", r.queue.Name
	}
	if key = r.key; key == "" {
		key = d.key()
	}
	return r.via.Name, key
}

// prepare makes sure, once, of what messages go to.
func (r *remote) prepare() {
	if r.conn == nil {
		return
	}
	r.ensured.Do(func() {
		if r.via != nil {
			r.conn.EnsureExchange(r.via)
		}
		if r.queue != nil {
			r.conn.Ensure(r.queue)
		}
	})
}

func (r *remote) send(ctx context.Context, d draft) (bool, error) {
	e, err := r.envelope(&d)
	if err != nil {
		return false, err
	}
	var buf [maxGeneratedID]byte
	id := d.id.appendTo(buf[:0])
	written, err := r.pub.Send(ctx, e, id, d.body)
	if r.remade(err) {
		return r.pub.Send(ctx, e, id, d.body)
	}
	return written, err
}

// remade reports whether what was published may have better luck now: it was for a queue that somebody has deleted, and which is made again.
func (r *remote) remade(err error) bool {
	return r.conn != nil && r.queue != nil && errors.Is(err, client.ErrUnroutable)
}

func (r *remote) post(f *client.Fate, d draft) error {
	e, err := r.envelope(&d)
	if err != nil {
		return err
	}
	if r.inbox && d.more == nil && d.id.of == r.ids {
		return r.pub.PostCounted(f, e, d.id.count, d.body)
	}
	var buf [maxGeneratedID]byte
	return r.pub.Post(f, e, d.id.appendTo(buf[:0]), d.body)
}

func (r *remote) call(ctx context.Context, limit time.Duration, d draft) (answer, bool, error) {
	r.prepare()
	e, err := r.callEnvelope(ctx, limit, &d)
	if err != nil {
		return answer{}, false, err
	}
	var buf [maxGeneratedID]byte
	id := d.id.appendTo(buf[:0])
	reply, written, err := r.pub.Call(ctx, limit, e, id, d.body)
	if r.remade(err) {
		reply, written, err = r.pub.Call(ctx, limit, e, id, d.body)
	}
	if errors.Is(err, client.ErrExpired) && (d.more == nil || d.more.expires == 0) {
		why := client.ErrLate
		if limit == 0 {
			<-ctx.Done() // at the same time
			why = ctx.Err()
		}
		err = r.pub.Because(why)
	}
	if err != nil {
		return answer{}, written, err
	}
	return answer{contentType: reply.ContentType, body: reply.Body}, written, nil
}

// callEnvelope is envelope for calls, whose messages go no further than memory.
func (r *remote) callEnvelope(ctx context.Context, limit time.Duration, d *draft) (*client.Envelope, error) {
	if limit == 0 || d.more != nil {
		e, err := r.question(d)
		if left := d.lifetime(ctx, limit); left != 0 && err == nil {
			e = e.Expiring(left)
		}
		return e, err
	}
	if e := r.limited[d.style].Load(); e != nil { // all have the same limit
		return e, nil
	}
	e, err := r.question(d)
	if err == nil {
		e = e.Expiring(limit)
		r.limited[d.style].Store(e)
	}
	return e, err
}

// question is what does not say when it expires.
func (r *remote) question(d *draft) (*client.Envelope, error) {
	if d.more == nil {
		if e := r.questions[d.style].Load(); e != nil {
			return e, nil
		}
	}
	p := d.properties(r.from)
	p.DeliveryMode, p.ReplyTo, p.CorrelationID = amqp.Transient, client.ReplyTo, d.called()
	via, key := r.address(d)
	e, err := client.NewCallEnvelope(via, key, true, p)
	if err == nil && d.more == nil {
		r.questions[d.style].Store(e)
	}
	return e, err
}

// milliseconds is a time to live in AMQP's words.
func milliseconds(d time.Duration) string {
	return strconv.FormatInt(min(max(d, 0)+time.Millisecond, client.MaxExpiry).Milliseconds(), 10)
}

func (r *remote) answers(context.Context) (string, error) {
	if r.conn == nil { // a peer's
		r.pub.WantReplies()
		return client.ReplyTo, nil
	}
	return r.receipts(), nil
}

func (r *remote) reply(to, correlation []byte, d draft, more bool) error {
	p := d.properties(r.from)
	p.DeliveryMode, p.CorrelationID = amqp.Transient, string(correlation)
	e, err := client.NewEnvelope("", string(to), false, p)
	if err != nil {
		return err
	}
	post := r.pub.PostNow
	if more {
		post = r.pub.Post
	}
	f := new(client.Fate)
	if d.more != nil && d.more.fate != nil {
		f.Tell(d.more.fate)
	}
	return post(f, e, []byte(d.id.String()), d.body)
}

func (r *remote) pass(_ context.Context, f *client.Fate, to *client.Queue, p *amqp.Properties, body []byte) error {
	e, err := client.NewEnvelope("", to.Name, true, *p)
	if err != nil {
		return err
	}
	r.conn.Ensure(to)
	return r.pub.Post(f, e, []byte(p.MessageID), body)
}

func (r *remote) take(prefetch int, to receiver) intake {
	q := r.queue
	if r.subscription != nil {
		q = r.subscription()
	}
	bring := bringer{to: to}
	c := r.receiving().ConsumeBatches(q, uint16(prefetch), func(batch []*client.Delivery, lull *link.Lull) {
		arrivals := bring.room(len(batch))
		for i, d := range batch {
			a := &arrivals[i]
			a.props, a.body, a.redelivered, a.from = d.Props, d.Body, d.Redelivered, (*remoteSettler)(d)
			if r.subscription != nil {
				a.props = keyed(a.props, d.Key)
			}
		}
		bring.all((*broker.Lull)(lull))
	})
	if who, ok := to.(overdue); ok && r.patience > 0 {
		c.Watch(r.patience, who.late)
	}
	return remoteIntake{c}
}

// remoteSettler is one delivery, which knows its own tag.
type remoteSettler client.Delivery

func (s *remoteSettler) ack(uint64) error            { return (*client.Delivery)(s).Ack() }
func (s *remoteSettler) ackSoon(uint64) error        { return (*client.Delivery)(s).Ack() } // they are gathered there
func (s *remoteSettler) giveBack(uint64) error       { return (*client.Delivery)(s).Nack(true) }
func (s *remoteSettler) putBack(tag uint64) error    { return s.giveBack(tag) } // AMQP has no other way
func (s *remoteSettler) seen(uint64)                 {}                         // the broker marks all that goes back
func (s *remoteSettler) stale(uint64) bool           { return (*client.Delivery)(s).Stale() }
func (s *remoteSettler) gone(uint64) <-chan struct{} { return (*client.Delivery)(s).Gone() }

type remoteIntake struct{ c *client.Consumer }

func (i remoteIntake) first() <-chan struct{} { return i.c.First() }
func (i remoteIntake) err() error             { return i.c.Err() }
func (i remoteIntake) stop() <-chan struct{}  { return i.c.Stop() }
func (i remoteIntake) release()               { i.c.Release() } // who settled the last one does not wait for a broker

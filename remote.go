package postrider

import (
	"context"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// remote is the outlet to a queue of another process: a peer's inbox, or a mailbox on
// a broker.
type remote struct {
	queue     *client.Queue
	from      string
	pub       *client.Publisher
	receiving func() *client.Conn // where messages are taken; nil: nowhere
	conn      *client.Conn        // makes sure of the queue before the first message; nil: it is the peer's
	ensured   sync.Once
	envelopes [styles]atomic.Pointer[client.Envelope]
}

// envelope is what messages of one style have in common, encoded once.
func (r *remote) envelope(s style) (*client.Envelope, error) {
	r.prepare()
	if e := r.envelopes[s].Load(); e != nil {
		return e, nil
	}
	e, err := client.NewEnvelope("", r.queue.Name, true, amqp.Properties{
		ContentType: s.contentType(), DeliveryMode: s.deliveryMode(), AppID: r.from,
	})
	if err == nil {
		r.envelopes[s].Store(e)
	}
	return e, err
}

func (r *remote) prepare() {
	if r.conn != nil {
		r.ensured.Do(func() { r.conn.Ensure(r.queue) })
	}
}

func (r *remote) send(ctx context.Context, s style, id messageID, body []byte) (bool, error) {
	e, err := r.envelope(s)
	if err != nil {
		return false, err
	}
	var buf [maxGeneratedID]byte
	return r.pub.Send(ctx, e, id.appendTo(buf[:0]), body)
}

func (r *remote) post(f *client.Fate, s style, id messageID, body []byte) error {
	e, err := r.envelope(s)
	if err != nil {
		return err
	}
	var buf [maxGeneratedID]byte
	return r.pub.Post(f, e, id.appendTo(buf[:0]), body)
}

func (r *remote) call(ctx context.Context, s style, id messageID, body []byte) (answer, bool, error) {
	r.prepare()
	text := id.String()
	e, err := client.NewEnvelope("", r.queue.Name, true, amqp.Properties{
		ContentType: s.contentType(), DeliveryMode: amqp.Transient, AppID: r.from,
		ReplyTo: client.ReplyTo, CorrelationID: text, Expiration: expiration(ctx),
	})
	if err != nil {
		return answer{}, false, err
	}
	reply, written, err := r.pub.Call(ctx, e, []byte(text), body)
	if err != nil {
		return answer{}, written, err
	}
	v, err := reply.Props.View()
	return answer{contentType: string(v.ContentType), body: reply.Body}, written, err
}

// expiration is the context's deadline in AMQP's words: a question nobody waits for any more
// need not be answered. "" when there is none.
func expiration(ctx context.Context) string {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ""
	}
	left := min(time.Until(deadline).Milliseconds()+1, math.MaxInt32)
	return strconv.FormatInt(max(left, 0), 10)
}

func (r *remote) reply(to, correlation string, s style, id messageID, body []byte) error {
	e, err := client.NewEnvelope("", to, false, amqp.Properties{
		ContentType: s.contentType(), DeliveryMode: amqp.Transient, AppID: r.from, CorrelationID: correlation,
	})
	if err != nil {
		return err
	}
	return r.pub.PostNow(new(client.Fate), e, []byte(id.String()), body)
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
	return remoteIntake{r.receiving().Consume(r.queue, uint16(prefetch), func(d *client.Delivery) {
		to.hand(arrival{props: d.Props, body: d.Body, redelivered: d.Redelivered, from: (*remoteSettler)(d)})
		to.ready()
	})}
}

// remoteSettler is one delivery, which knows its own tag.
type remoteSettler client.Delivery

func (s *remoteSettler) ack(uint64) error      { return (*client.Delivery)(s).Ack() }
func (s *remoteSettler) giveBack(uint64) error { return (*client.Delivery)(s).Nack(true) }
func (s *remoteSettler) stale(uint64) bool     { return (*client.Delivery)(s).Stale() }

type remoteIntake struct{ c *client.Consumer }

func (i remoteIntake) first() <-chan struct{} { return i.c.First() }
func (i remoteIntake) err() error             { return i.c.Err() }
func (i remoteIntake) stop() <-chan struct{}  { return i.c.Stop() }
func (i remoteIntake) release()               { <-i.c.Release() }

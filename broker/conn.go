package broker

import (
	"context"
	"errors"
	"sync"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

// DialConfig names an attachment.
type DialConfig struct {
	Name  string // for people; "in process" when empty
	VHost string // "/" when empty
}

// Conn is an attachment to the broker from inside its process: the same
// operations as over a socket, without socket and codec. Its methods may be
// called from any goroutine. Errors of the broker are *amqp.Error with the code
// a remote client would see; they end nothing.
type Conn struct {
	broker *Broker
	client *core.Client

	mu        sync.Mutex
	consumers map[*Consumer]struct{}
	closed    bool

	publishers sync.Pool // of *publisher
	answers    answers
}

// publisher is what one goroutine needs while it publishes.
type publisher struct {
	*core.Publisher
	burst     core.Burst
	positions []uint64
}

// Dial attaches to the broker. Errors: ErrClosed; 530 when there is no such
// virtual host.
func (b *Broker) Dial(cfg DialConfig) (*Conn, error) {
	if cfg.Name == "" {
		cfg.Name = "in process"
	}
	if cfg.VHost == "" {
		cfg.VHost = "/"
	}
	vhost, ok := b.core.VHost(cfg.VHost)
	if !ok {
		return nil, amqp.Errorf(amqp.NotAllowed, "vhost %s not found", cfg.VHost)
	}
	c := &Conn{broker: b, client: vhost.NewClient(cfg.Name), consumers: map[*Consumer]struct{}{}}
	c.publishers.New = func() any { return &publisher{Publisher: vhost.NewPublisher()} }
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	b.conns[c] = struct{}{}
	return c, nil
}

// Close cancels the Conn's consumers, returns what they had to its queues and
// deletes its exclusive queues.
func (c *Conn) Close() error {
	c.Flush()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	consumers := c.consumers
	c.consumers = nil
	c.mu.Unlock()

	for consumer := range consumers {
		consumer.Close()
	}
	c.burst(c.client.Close)
	c.broker.mu.Lock()
	delete(c.broker.conns, c)
	c.broker.mu.Unlock()
	return nil
}

func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// do is burst for what a closed Conn must not do.
func (c *Conn) do(what func(*core.Burst) error) (err error) {
	if c.isClosed() {
		return ErrClosed
	}
	c.burst(func(b *core.Burst) { err = what(b) })
	return closedError(err)
}

// closedError is how callers know that they came too late.
func closedError(err error) error {
	if errors.Is(err, core.ErrClosed) || errors.Is(err, journal.ErrClosed) {
		return ErrClosed
	}
	return err
}

// burst runs one operation and what it leaves to be done.
func (c *Conn) burst(do func(*core.Burst)) {
	p := c.publisher()
	do(&p.burst)
	c.done(p)
}

func (c *Conn) publisher() *publisher {
	p := c.publishers.Get().(*publisher)
	p.burst.Begin(c.broker.core.Now())
	return p
}

func (c *Conn) done(p *publisher) {
	p.burst.Urgent = true
	p.burst.End()
	c.publishers.Put(p)
}

// QueueOptions is what DeclareQueue asks for. An empty name asks for a fresh one.
type QueueOptions struct {
	Name       string
	Durable    bool // survives a restart, with its persistent messages
	Exclusive  bool // this Conn's own; deleted with it
	AutoDelete bool // deleted when its last consumer has left
	Passive    bool // only look whether it is there
	Args       amqp.Table
}

// QueueInfo is a queue as it was a moment ago.
type QueueInfo struct {
	Name      string
	Messages  int // ready to be delivered
	Consumers int
}

// DeclareQueue makes a queue, or checks that the one of that name is alike; a
// durable one is safe on disk when it returns. Errors: 403, 404 (passive), 405, 406.
//
// Here as in all that changes something durable, ctx bounds the wait for the
// disk. When it ends first the change has been made and may yet become durable.
func (c *Conn) DeclareQueue(ctx context.Context, o QueueOptions) (info QueueInfo, err error) {
	err = c.do(func(b *core.Burst) (err error) {
		var i core.QueueInfo
		if o.Passive {
			i, err = c.client.InspectQueue(b, o.Name)
		} else {
			i, err = c.client.DeclareQueue(ctx, b, core.QueueSpec{
				Name: o.Name, Durable: o.Durable, Exclusive: o.Exclusive, AutoDelete: o.AutoDelete, Args: o.Args,
			})
		}
		info = QueueInfo(i)
		return err
	})
	return info, err
}

// DeleteQueue deletes a queue with its messages and returns how many of these
// were ready. One that does not exist is deleted already. Errors: 405.
func (c *Conn) DeleteQueue(ctx context.Context, name string) (messages int, err error) {
	err = c.do(func(b *core.Burst) (err error) {
		messages, err = c.client.DeleteQueue(ctx, b, name, false, false)
		return err
	})
	return messages, err
}

// PurgeQueue drops a queue's ready messages and returns how many they were.
// Errors: 404, 405.
func (c *Conn) PurgeQueue(name string) (messages int, err error) {
	err = c.do(func(b *core.Burst) (err error) {
		messages, err = c.client.PurgeQueue(b, name)
		return err
	})
	return messages, err
}

// ExchangeOptions is what DeclareExchange asks for.
type ExchangeOptions struct {
	Name       string
	Kind       string // direct, fanout, topic, headers, x-consistent-hash or x-delayed-message
	Durable    bool
	AutoDelete bool // deleted with the last binding from it
	Internal   bool // only other exchanges may publish to it
	Args       amqp.Table
}

// DeclareExchange makes an exchange, or checks that the one of that name is
// alike. Errors: 403, 406, 503.
func (c *Conn) DeclareExchange(ctx context.Context, o ExchangeOptions) error {
	return c.do(func(b *core.Burst) error {
		return c.client.DeclareExchange(ctx, b, route.Exchange{
			Name: o.Name, Kind: route.Kind(o.Kind), Durable: o.Durable, AutoDelete: o.AutoDelete, Internal: o.Internal, Args: o.Args,
		})
	})
}

// DeleteExchange deletes an exchange and its bindings. Errors: 403.
func (c *Conn) DeleteExchange(ctx context.Context, name string) error {
	return c.do(func(b *core.Burst) error {
		return c.client.DeleteExchange(ctx, b, name, false)
	})
}

// BindQueue lets messages go from an exchange to a queue. Errors: 403, 404, 405, 406.
func (c *Conn) BindQueue(ctx context.Context, queue, exchange, key string, args amqp.Table) error {
	return c.do(func(b *core.Burst) error {
		return c.client.Bind(ctx, b, toQueue(queue, exchange, key, args))
	})
}

// UnbindQueue ends a binding. Errors: 404, 405.
func (c *Conn) UnbindQueue(ctx context.Context, queue, exchange, key string, args amqp.Table) error {
	return c.do(func(b *core.Burst) error {
		return c.client.Unbind(ctx, b, toQueue(queue, exchange, key, args))
	})
}

func toQueue(queue, exchange, key string, args amqp.Table) route.Binding {
	return route.Binding{Source: exchange, Destination: queue, ToQueue: true, Key: key, Args: args}
}

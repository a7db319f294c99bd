package client

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/amqp"
)

// Exchange is an exchange that a connection makes sure of, each time it is connected: one that exists
// is used as it is, one that does not is declared, durable.
type Exchange struct {
	Name string
	Kind string // direct, fanout or topic

	mu  sync.Mutex
	err error
}

// Err is why the broker did not let the exchange be used, nil when it did or has not been asked.
func (x *Exchange) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *Exchange) setErr(err error) {
	x.mu.Lock()
	x.err = err
	x.mu.Unlock()
}

// EnsureExchange makes sure of an exchange before anything that is published after this call goes out. It does not
// wait; the first Exchange of a name is the one that counts.
func (c *Conn) EnsureExchange(x *Exchange) {
	c.mu.Lock()
	_, have := c.exchanges[x.Name]
	if !have {
		c.exchanges[x.Name] = x
	}
	c.mu.Unlock()
	if !have {
		c.pub.hold()
		c.poke()
	}
}

func (c *Conn) wantedExchanges() []*Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.exchanges))
}

// sureOf makes sure of an exchange on this wire. An *amqp.Error is kept in it and is not an error here.
func (w *wire) sureOf(x *Exchange) error {
	if w.exchanges[x] {
		return nil
	}
	err := w.onTopology(&amqp.ExchangeDeclare{Exchange: x.Name, Type: x.Kind, Passive: true})
	if isRefusal(err, amqp.NotFound) {
		err = w.onTopology(&amqp.ExchangeDeclare{Exchange: x.Name, Type: x.Kind, Durable: true})
	}
	var refused *amqp.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	x.setErr(err)
	w.exchanges[x] = true
	return nil
}

// bind has what goes to a queue's exchange come to it. Somebody may have deleted the exchange since this wire made sure of it.
func (w *wire) bind(q *Queue) error {
	if q.From == nil {
		return nil
	}
	err := w.bindTo(q)
	if isRefusal(err, amqp.NotFound) {
		delete(w.exchanges, q.From)
		err = w.bindTo(q)
	}
	return err
}

func (w *wire) bindTo(q *Queue) error {
	if err := w.sureOf(q.From); err != nil {
		return err
	}
	if err := q.From.Err(); err != nil {
		return err
	}
	for _, key := range q.Keys {
		if err := w.onTopology(&amqp.QueueBind{Queue: q.name(), Exchange: q.From.Name, RoutingKey: key}); err != nil {
			return err
		}
	}
	return nil
}

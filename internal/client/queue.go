package client

import (
	"crypto/rand"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// Queue is a queue that a connection makes sure of, each time it is connected:
// one that exists is used as it is, one that does not is declared.
type Queue struct {
	Name    string
	Durable bool
	Args    amqp.Table
	// OnRabbitMQ is added to Args when the other side is RabbitMQ itself.
	OnRabbitMQ amqp.Table
	// Own is a queue for one consumer of one connection, and ends with it: each time it is declared
	// under a new name that begins with Name.
	Own bool
	// Exact wants a queue that exists to be declared alike.
	Exact bool
	// From is the exchange that it is bound to, with Keys; nil for none.
	From *Exchange
	Keys []string
	// After is a queue that is made sure of before; what prevents that prevents this one.
	After *Queue
	// Instead is a queue in whose place this one is not made, see [ErrInstead]: the same thing in another form. One that is Exact is declared
	// then as it is here, to hear how it is.
	Instead *Queue

	mu    sync.Mutex
	err   error
	fresh string    // the present name of an Own queue
	again time.Time // not before that is it made sure of again because it took nothing
}

// name is what the broker knows the queue by.
func (q *Queue) name() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fresh != "" {
		return q.fresh
	}
	return q.Name
}

// rename gives an Own queue its next name: the broker may not have noticed yet that the connection which had the last one
// is gone.
func (q *Queue) rename() {
	q.mu.Lock()
	q.fresh = q.Name + "." + rand.Text()[:16]
	q.mu.Unlock()
}

// Mailbox is how a mailbox is declared: on RabbitMQ as a queue that can be replicated, and that does not drop what
// was given back often, as RabbitMQ 4 does after 20 times.
func Mailbox(name string) *Queue {
	return &Queue{
		Name: name, Durable: true,
		OnRabbitMQ: amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(math.MaxInt32)},
	}
}

// SingleActive is a mailbox that serves one consumer at a time, and is an error where it exists and does not.
func SingleActive(name string) *Queue {
	q := Mailbox(name)
	q.Args, q.Exact = SingleActiveArgs(), true
	return q
}

// SingleActiveArgs are the arguments of a queue that serves one consumer at a time.
func SingleActiveArgs() amqp.Table { return amqp.Table{"x-single-active-consumer": true} }

// Err is why the broker did not let the queue be used, nil when it did or has not been asked.
func (q *Queue) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

func (q *Queue) setErr(err error) {
	q.mu.Lock()
	q.err = err
	q.mu.Unlock()
}

// Ensure makes sure of a queue before anything that is published after this call
// goes out. It does not wait; the first Queue of a name is the one that counts, and
// is returned.
func (c *Conn) Ensure(q *Queue) *Queue {
	c.mu.Lock()
	if have, ok := c.queues[q.Name]; ok {
		c.mu.Unlock()
		return have
	}
	c.queues[q.Name] = q
	c.mu.Unlock()
	c.pub.hold()
	c.poke()
	return q
}

// Refused is why the broker did not let the queue of that name be used, of those that the connection makes sure of; nil if it did, or there is none.
func (c *Conn) Refused(name string) error {
	c.mu.Lock()
	q := c.queues[name]
	c.mu.Unlock()
	if q == nil {
		return nil
	}
	return q.Err()
}

// miss is told that nothing took a message. If it was for a queue that the connection was to make sure of, somebody has deleted that since,
// or it could not be made: then that is tried again, once a second, before anything else goes out.
func (c *Conn) miss(exchange, key string) {
	c.mu.Lock()
	some := c.doubt(exchange, key, time.Now())
	c.mu.Unlock()
	if some {
		c.pub.hold()
		c.poke()
	}
}

const againAfter = time.Second

// doubt notes which queues took nothing, and reports whether there are any. The caller holds mu.
func (c *Conn) doubt(exchange, key string, now time.Time) (some bool) {
	note := func(q *Queue) {
		if q != nil && !now.Before(q.again) {
			q.again = now.Add(againAfter)
			c.missing[q], some = true, true
		}
	}
	if exchange == "" {
		note(c.queues[key])
		return some
	}
	for _, q := range c.queues {
		if q.From != nil && q.From.Name == exchange && slices.Contains(q.Keys, key) {
			note(q)
		}
	}
	return some
}

// forgetMissing has the queues that took nothing be made sure of again.
func (c *Conn) forgetMissing(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for q := range c.missing {
		delete(w.declared, q)
	}
	clear(c.missing)
}

func (c *Conn) wantedQueues() []*Queue {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.queues))
}

// sure makes sure of a queue on this wire. An *amqp.Error of the channel is kept in
// the queue and is not an error here.
func (w *wire) sure(q *Queue) error {
	if w.declared[q] {
		return nil
	}
	if q.After != nil {
		if err := w.sure(q.After); err != nil {
			return err
		}
		if err := q.After.Err(); err != nil {
			q.setErr(err)
			return nil
		}
	}
	err := w.declare(q)
	if err == nil {
		err = w.bind(q)
	}
	var refused *amqp.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	q.setErr(err)
	w.declared[q] = true
	return nil
}

// declare looks first: declaring what exists with other arguments is an error.
func (w *wire) declare(q *Queue) error {
	if q.Own {
		q.rename()
		return w.onTopology(&amqp.QueueDeclare{Queue: q.name(), Exclusive: true, AutoDelete: true, Arguments: q.Args})
	}
	if !q.Exact || q.Instead != nil {
		err := w.passive(q)
		switch {
		case !isRefusal(err, amqp.NotFound) && !q.Exact:
			return err
		case isRefusal(err, amqp.NotFound):
			err = w.notInstead(q)
		}
		if err != nil {
			return err
		}
	}
	return w.make(q)
}

// passive asks whether a queue is there.
func (w *wire) passive(q *Queue) error {
	return w.askOnTopology(&amqp.QueueDeclare{Queue: q.Name, Passive: true}, w.counted(q))
}

// make declares a queue as it is to be.
func (w *wire) make(q *Queue) error {
	args := q.Args
	if w.product == rabbitMQ && len(q.OnRabbitMQ) > 0 {
		args = maps.Clone(q.OnRabbitMQ)
		maps.Copy(args, q.Args)
	}
	return w.askOnTopology(&amqp.QueueDeclare{Queue: q.Name, Durable: q.Durable, Arguments: args}, w.counted(q))
}

// counted takes the answer to a declaration.
func (w *wire) counted(q *Queue) func(amqp.Method) {
	return func(m amqp.Method) {
		if ok := m.(*amqp.QueueDeclareOk); ok.MessageCount > 0 {
			w.conn.pub.counted(q)
		}
	}
}

func isRefusal(err error, code uint16) bool {
	var refused *amqp.Error
	return errors.As(err, &refused) && refused.Code == code
}

// onTopology asks on a channel of its own, so that a refusal closes nothing else.
func (w *wire) onTopology(m amqp.Method) error { return w.askOnTopology(m, nil) }

func (w *wire) askOnTopology(m amqp.Method, got func(amqp.Method)) error {
	if w.topology == 0 {
		n, err := w.openChannel()
		if err != nil {
			return err
		}
		w.topology = n
	}
	err := w.ask(w.topology, m, got)
	if err != nil {
		w.topology = 0
	}
	return err
}

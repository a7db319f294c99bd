package route

import (
	"iter"

	"github.com/postrider-mq/postrider/amqp"
)

// A Table holds the exchanges, queue names and bindings of one virtual host. Q is the caller's handle for a queue.
//
// A Table never changes and any number of goroutines may use it. Every method that would change it returns a new one.
type Table[Q comparable] struct {
	version   uint64
	vhost     string // as errors name it
	exchanges trie[*exchange[Q]]
	queues    trie[*queue[Q]]
}

// A queue is a name that messages can be routed to, with the bindings that lead to it.
type queue[Q comparable] struct {
	handle   Q
	incoming trie[*binding]
}

// New returns the table of a new virtual host: the default exchange and those that the specification asks for.
func New[Q comparable](vhost string) *Table[Q] {
	t := &Table[Q]{version: 1, vhost: vhost}
	for _, x := range []Exchange{
		{Name: "", Kind: Direct},
		{Name: "amq.direct", Kind: Direct},
		{Name: "amq.fanout", Kind: Fanout},
		{Name: "amq.topic", Kind: Topic},
		{Name: "amq.headers", Kind: Headers},
		{Name: "amq.match", Kind: Headers},
	} {
		x.Durable = true
		t.exchanges = t.exchanges.with(x.Name, newExchange[Q](x))
	}
	return t
}

// changed returns a copy of t that is about to become another table.
func (t *Table[Q]) changed() Table[Q] {
	c := *t
	c.version++
	return c
}

// Version tells the table from all that it was made of, one update after the other: it rises with each, from 1. Who remembers what a table has said needs
// no more to know whether it still holds, and a table that is remembered keeps alive all that was in it.
func (t *Table[Q]) Version() uint64 { return t.version }

// Queue returns the handle of the queue of that name.
func (t *Table[Q]) Queue(name string) (q Q, ok bool) {
	if found, ok := t.queues.get(name); ok {
		return found.handle, true
	}
	return q, false
}

// QueueName returns the name of the queue that is called so, as the table keeps it; ok is false if there is none. It does not allocate.
func (t *Table[Q]) QueueName(name []byte) (kept string, ok bool) {
	if l := find(t.queues, name); l != nil {
		return l.key, true
	}
	return "", false
}

// AddQueue returns the table in which the default exchange routes to q by name, and name can be bound. A queue that had
// the name before is removed first, with its bindings.
func (t *Table[Q]) AddQueue(name string, q Q) *Table[Q] {
	t, _ = t.RemoveQueue(name)
	c := t.changed()
	c.queues = c.queues.with(name, &queue[Q]{handle: q})
	return &c
}

// RemoveQueue returns the table without the queue and its bindings, and without the auto-delete exchanges that thereby
// lost their last one. No such queue: the same table.
func (t *Table[Q]) RemoveQueue(name string) (*Table[Q], Removed) {
	var gone Removed
	q, ok := t.queues.get(name)
	if !ok {
		return t, gone
	}
	c := t.changed()
	c.queues = c.queues.without(name)
	for _, b := range q.incoming.all() {
		c.unbind(b, &gone)
	}
	return &c, gone
}

// QueueCount is how many queues there are.
func (t *Table[Q]) QueueCount() int { return t.queues.len() }

// Queues yields all queues in no particular order.
func (t *Table[Q]) Queues() iter.Seq2[string, Q] {
	return func(yield func(string, Q) bool) {
		for name, q := range t.queues.all() {
			if !yield(name, q.handle) {
				return
			}
		}
	}
}

// Exchanges yields all exchanges, the default one too, in no particular order.
func (t *Table[Q]) Exchanges() iter.Seq[Exchange] {
	return func(yield func(Exchange) bool) {
		for _, x := range t.exchanges.all() {
			if !yield(x.spec) {
				return
			}
		}
	}
}

func (t *Table[Q]) noExchange(name string) error {
	return amqp.Errorf(amqp.NotFound, "no exchange '%s' in vhost '%s'", name, t.vhost)
}

func (t *Table[Q]) noQueue(name string) error {
	return amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '%s'", name, t.vhost)
}

package route

import (
	"iter"

	"github.com/postrider-mq/postrider/amqp"
)

// A Binding leads from an exchange to a queue or to another exchange. Two bindings that differ in nothing but Args
// are two bindings. Nothing may change Args once it has been handed over.
type Binding struct {
	Source      string
	Destination string
	ToQueue     bool
	Key         string
	Args        amqp.Table
}

// A binding is a Binding with what is worked out once about it.
type binding struct {
	Binding
	id    string   // all its fields in one string
	match *matcher // for a headers exchange
}

// Removed names what an update took away, in the order in which it went.
type Removed struct {
	Bindings  []Binding
	Exchanges []Exchange
}

// Bind returns the table with the binding, and whether that is new; if not, it is the same table.
// Errors: 404 when there is no such exchange or queue, 403 for the default exchange, 406 for bad arguments.
func (t *Table[Q]) Bind(b Binding) (_ *Table[Q], changed bool, err error) {
	src, err := t.ends(&b)
	if err != nil {
		return t, false, err
	}
	nb, err := newBinding(b, src.shape)
	if err != nil {
		return t, false, err
	}
	if _, ok := src.outgoing.get(nb.id); ok {
		return t, false, nil
	}
	c := t.changed()
	c.bind(nb)
	return &c, true, nil
}

// Unbind returns the table without the binding, and without the auto-delete exchanges that lost their last one by it. No
// such binding, exchange or queue: the same table. Errors: 403 for the default exchange.
func (t *Table[Q]) Unbind(b Binding) (*Table[Q], Removed, error) {
	var gone Removed
	if b.touchesDefault() {
		return t, gone, errDefaultExchange()
	}
	id, err := b.id()
	if err != nil {
		return t, gone, err
	}
	src, ok := t.exchanges.get(b.Source)
	if !ok {
		return t, gone, nil
	}
	old, ok := src.outgoing.get(id)
	if !ok {
		return t, gone, nil
	}
	c := t.changed()
	c.unbind(old, &gone)
	return &c, gone, nil
}

// Bindings yields all bindings, in no particular order. The default exchange's are understood, not listed.
func (t *Table[Q]) Bindings() iter.Seq[Binding] {
	return func(yield func(Binding) bool) {
		for _, x := range t.exchanges.all() {
			if !each(x.outgoing, yield) {
				return
			}
		}
	}
}

// BindingsFrom yields the bindings whose source is the exchange, in no particular order.
func (t *Table[Q]) BindingsFrom(exchange string) iter.Seq[Binding] {
	return func(yield func(Binding) bool) {
		if x, ok := t.exchanges.get(exchange); ok {
			each(x.outgoing, yield)
		}
	}
}

// BindingsTo yields the bindings that lead to the queue, or to the exchange, in no particular order.
func (t *Table[Q]) BindingsTo(destination string, toQueue bool) iter.Seq[Binding] {
	return func(yield func(Binding) bool) { each(t.incoming(destination, toQueue), yield) }
}

func each(bindings trie[*binding], yield func(Binding) bool) bool {
	for _, b := range bindings.all() {
		if !yield(b.Binding) {
			return false
		}
	}
	return true
}

func (t *Table[Q]) incoming(destination string, toQueue bool) (none trie[*binding]) {
	if toQueue {
		if q, ok := t.queues.get(destination); ok {
			return q.incoming
		}
		return none
	}
	if x, ok := t.exchanges.get(destination); ok {
		return x.incoming
	}
	return none
}

// ends returns the source of b, when both ends exist and may be bound.
func (t *Table[Q]) ends(b *Binding) (*exchange[Q], error) {
	if b.touchesDefault() {
		return nil, errDefaultExchange()
	}
	src, ok := t.exchanges.get(b.Source)
	if !ok {
		return nil, t.noExchange(b.Source)
	}
	if b.ToQueue {
		if _, ok := t.queues.get(b.Destination); !ok {
			return nil, t.noQueue(b.Destination)
		}
		return src, nil
	}
	if _, ok := t.exchanges.get(b.Destination); !ok {
		return nil, t.noExchange(b.Destination)
	}
	return src, nil
}

func (b *Binding) touchesDefault() bool { return b.Source == "" || b.Destination == "" && !b.ToQueue }

func newBinding(b Binding, kind Kind) (*binding, error) {
	id, err := b.id()
	if err != nil {
		return nil, err
	}
	nb := &binding{Binding: b, id: id}
	switch kind {
	case Headers:
		nb.match, err = newMatcher(b.Args)
	case Topic:
		err = checkWords(b.Key)
	case ConsistentHash:
		err = checkWeight(b.Key)
	}
	return nb, err
}

// id is equal for equal bindings only: the names are preceded by their lengths, and tables are written sorted.
func (b *Binding) id() (string, error) {
	id := make([]byte, 0, 64)
	id = append(id, kindByte(b.ToQueue))
	for _, s := range [...]string{b.Source, b.Destination, b.Key} {
		id = append(id, byte(len(s)>>8), byte(len(s)))
		id = append(id, s...)
	}
	id, err := amqp.AppendTable(id, b.Args)
	return string(id), err
}

func kindByte(toQueue bool) byte {
	if toQueue {
		return 'q'
	}
	return 'e'
}

// bind enters b at both its ends. t must be a copy that nobody else has seen.
func (t *Table[Q]) bind(b *binding) {
	src, _ := t.exchanges.get(b.Source)
	t.exchanges = t.exchanges.with(b.Source, src.with(b, t.portOf(b)))
	if b.ToQueue {
		q, _ := t.queues.get(b.Destination)
		t.queues = t.queues.with(b.Destination, &queue[Q]{q.handle, q.incoming.with(b.id, b)})
		return
	}
	dst, _ := t.exchanges.get(b.Destination)
	c := *dst
	c.incoming = c.incoming.with(b.id, b)
	t.exchanges = t.exchanges.with(b.Destination, &c)
}

// unbind takes b out at both its ends, as far as these still exist, and with it its source if that is to be deleted with
// its last binding. t must be a copy that nobody else has seen.
func (t *Table[Q]) unbind(b *binding, gone *Removed) {
	gone.Bindings = append(gone.Bindings, b.Binding)
	if q, ok := t.queues.get(b.Destination); ok && b.ToQueue {
		t.queues = t.queues.with(b.Destination, &queue[Q]{q.handle, q.incoming.without(b.id)})
	}
	if dst, ok := t.exchanges.get(b.Destination); ok && !b.ToQueue {
		c := *dst
		c.incoming = c.incoming.without(b.id)
		t.exchanges = t.exchanges.with(b.Destination, &c)
	}
	src, ok := t.exchanges.get(b.Source)
	if !ok {
		return
	}
	src = src.without(b)
	t.exchanges = t.exchanges.with(b.Source, src)
	if src.spec.AutoDelete && src.outgoing.len() == 0 {
		t.drop(src, gone)
	}
}

// portOf returns the place that b leads to. Its queue must exist.
func (t *Table[Q]) portOf(b *binding) port[Q] {
	p := port[Q]{name: b.Destination, toQueue: b.ToQueue}
	if b.ToQueue {
		q, _ := t.queues.get(b.Destination)
		p.queue = q.handle
	}
	return p
}

// with returns a copy of x that has b, which leads to p.
func (x *exchange[Q]) with(b *binding, p port[Q]) *exchange[Q] {
	c := *x
	c.outgoing = c.outgoing.with(b.id, b)
	switch c.shape {
	case Direct:
		at, _ := c.direct.get(b.Key)
		c.direct = c.direct.with(b.Key, at.with(p))
	case Fanout:
		c.fanout = c.fanout.with(p)
	case Topic:
		c.topic = c.topic.with(pattern(b.Key), p)
	case Headers:
		c.headers = c.headers.with(b.id, rule[Q]{b.match, p})
	case ConsistentHash:
		c.shares = c.shares.with(b.id, newShare(b, p))
	}
	return &c
}

// without returns a copy of x that lacks b, which it has.
func (x *exchange[Q]) without(b *binding) *exchange[Q] {
	c := *x
	c.outgoing = c.outgoing.without(b.id)
	switch c.shape {
	case Direct:
		at, _ := c.direct.get(b.Key)
		if at = at.without(b); at.len() == 0 {
			c.direct = c.direct.without(b.Key)
		} else {
			c.direct = c.direct.with(b.Key, at)
		}
	case Fanout:
		c.fanout = c.fanout.without(b)
	case Topic:
		c.topic = c.topic.without(pattern(b.Key), b)
	case Headers:
		c.headers = c.headers.without(b.id)
	case ConsistentHash:
		c.shares = c.shares.without(b.id)
	}
	return &c
}

package route

import (
	"slices"

	"github.com/postrider-mq/postrider/amqp"
)

// Route appends to dst the queues that a client's message goes to, each of them once and none that dst has already. It
// calls headers, which may be nil, only if a headers exchange has to look at them.
// Errors, with dst as it was: 404 when there is no such exchange, 403 when it is internal, 406 when a topic
// exchange cannot take the key.
func (t *Table[Q]) Route(exchange, key string, headers func() amqp.Table, dst []Q) ([]Q, error) {
	if exchange == "" {
		return t.toQueue(key, dst), nil
	}
	x, ok := t.exchanges.get(exchange)
	if !ok {
		return dst, t.noExchange(exchange)
	}
	if x.spec.Internal {
		return dst, amqp.Errorf(amqp.AccessRefused, "cannot publish to internal exchange '%s' in vhost '%s'", exchange, t.vhost)
	}
	return t.walk(x, key, headers, dst)
}

// Forward is Route for the broker's own messages, such as dead letters: an internal exchange is as good as any, and
// what cannot be routed goes nowhere.
func (t *Table[Q]) Forward(exchange, key string, headers func() amqp.Table, dst []Q) []Q {
	if exchange == "" {
		return t.toQueue(key, dst)
	}
	if x, ok := t.exchanges.get(exchange); ok {
		dst, _ = t.walk(x, key, headers, dst)
	}
	return dst
}

func (t *Table[Q]) toQueue(name string, dst []Q) []Q {
	q, ok := t.queues.get(name)
	if !ok || len(dst) > 0 && slices.Contains(dst, q.handle) {
		return dst
	}
	return append(dst, q.handle)
}

func (t *Table[Q]) walk(x *exchange[Q], key string, headers func() amqp.Table, dst []Q) ([]Q, error) {
	var near [8]*exchange[Q] // keeps a walk of a few exchanges off the heap
	w := walk[Q]{table: t, key: key, headers: headers, found: dst, todo: append(near[:0], x)}
	for next := 0; next < len(w.todo); next++ {
		if err := w.visit(w.todo[next]); err != nil {
			return dst, err
		}
	}
	return w.found, nil
}

// A walk is the way of one message from exchange to exchange. It lives on the stack of Route.
type walk[Q comparable] struct {
	table   *Table[Q]
	key     string
	headers func() amqp.Table
	todo    []*exchange[Q] // the exchanges reached, each once, in the order in which they are visited

	found   []Q
	mingled bool       // found may hold what is to be added
	seen    map[Q]bool // found[:counted], once found is long
	counted int
	hits    int // how many bindings of the exchange being visited led anywhere
}

// visit follows the bindings of x that match; if there is none, the message goes to x's alternate exchange.
func (w *walk[Q]) visit(x *exchange[Q]) error {
	w.hits = 0
	switch x.spec.Kind {
	case Direct:
		if at, ok := x.direct.get(w.key); ok {
			w.follow(at)
		}
	case Fanout:
		w.follow(x.fanout)
	case Topic:
		if err := w.match(x.topic); err != nil {
			return err
		}
	case Headers:
		w.compare(x.headers)
	}
	if w.hits == 0 && x.alternate != "" {
		w.enter(x.alternate)
	}
	return nil
}

// follow goes to each of the destinations, which differ from each other.
func (w *walk[Q]) follow(s ports[Q]) {
	w.mingled = len(w.found) > 0
	w.followNode(s.set.root)
}

func (w *walk[Q]) followNode(n *node[port[Q]]) {
	if n == nil {
		return
	}
	for i := range n.leaves {
		w.arrive(&n.leaves[i].value)
	}
	for _, kid := range n.kids {
		w.followNode(kid)
	}
}

func (w *walk[Q]) arrive(p *port[Q]) {
	w.hits++
	switch {
	case !p.toQueue:
		w.enter(p.name)
	case !w.mingled || !w.has(p.queue):
		w.found = append(w.found, p.queue)
	}
}

// enter puts the exchange on the list, unless it has been reached before or does not exist.
func (w *walk[Q]) enter(name string) {
	x, ok := w.table.exchanges.get(name)
	if !ok || slices.Contains(w.todo, x) {
		return
	}
	w.todo = append(w.todo, x)
}

const fewQueues = 32

// has tells whether q was found already. A long list is worth a map.
func (w *walk[Q]) has(q Q) bool {
	if len(w.found) <= fewQueues {
		return slices.Contains(w.found, q)
	}
	if w.seen == nil {
		w.seen = make(map[Q]bool, 2*len(w.found))
	}
	for ; w.counted < len(w.found); w.counted++ {
		w.seen[w.found[w.counted]] = true
	}
	return w.seen[q]
}

package route

import (
	"slices"

	"github.com/postrider-mq/postrider/amqp"
)

// Route appends to dst the queues that a client's message goes to, each of them once and none that dst has already. It
// decodes headers only if an exchange has to look at them.
// Errors, with dst as it was: 404 when there is no such exchange, 403 when it is internal, 406 when a topic
// exchange cannot take the key.
func (t *Table[Q]) Route(exchange string, l *Letter, dst []Q) ([]Q, error) {
	if exchange == "" {
		return t.toQueues(l, dst), nil
	}
	x, ok := t.exchanges.get(exchange)
	if !ok {
		return dst, t.noExchange(exchange)
	}
	if x.spec.Internal {
		return dst, amqp.Errorf(amqp.AccessRefused, "cannot publish to internal exchange '%s' in vhost '%s'", exchange, t.vhost)
	}
	return t.walk(x, l, dst)
}

// Forward is Route for the broker's own messages, such as dead letters: an internal exchange is as good as any, and
// what cannot be routed goes nowhere.
func (t *Table[Q]) Forward(exchange string, l *Letter, dst []Q) []Q {
	if exchange == "" {
		return t.toQueues(l, dst)
	}
	if x, ok := t.exchanges.get(exchange); ok {
		dst, _ = t.walk(x, l, dst)
	}
	return dst
}

func (t *Table[Q]) toQueues(l *Letter, dst []Q) []Q {
	dst = t.toQueue(l.Key, dst)
	for _, name := range l.Also {
		dst = t.toQueue(name, dst)
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

func (t *Table[Q]) walk(x *exchange[Q], l *Letter, dst []Q) ([]Q, error) {
	w := walk[Q]{table: t, letter: *l, found: distinct[Q]{list: dst}}
	w.add(x)
	for i := 0; i < w.reached; i++ {
		if err := w.visit(w.at(i)); err != nil {
			return dst, err
		}
	}
	l.Headers, l.Opened = w.letter.Headers, w.letter.Opened
	return w.found.list, nil
}

// A walk is the way of one message from exchange to exchange. It lives on the stack of Route, and so it refers neither to
// itself nor to the caller's letter, of which it has a copy.
type walk[Q comparable] struct {
	table  *Table[Q]
	letter Letter

	// The exchanges reached, each once, in the order in which they are visited.
	reached int
	near    [8]*exchange[Q]
	far     distinct[*exchange[Q]] // those after near

	found   distinct[Q]
	mingled bool // found may hold what is to be added
	hits    int  // how many bindings of the exchange being visited led anywhere
}

func (w *walk[Q]) add(x *exchange[Q]) {
	if w.reached < len(w.near) {
		w.near[w.reached] = x
	} else {
		w.far.list = append(w.far.list, x)
	}
	w.reached++
}

func (w *walk[Q]) at(i int) *exchange[Q] {
	if i < len(w.near) {
		return w.near[i]
	}
	return w.far.list[i-len(w.near)]
}

// visit follows the bindings of x that match; if there is none, the message goes to x's alternate exchange.
func (w *walk[Q]) visit(x *exchange[Q]) error {
	if w.delay(x) {
		return nil
	}
	w.hits = 0
	switch x.shape {
	case Fanout:
		w.follow(x.fanout)
	case Headers:
		w.compare(x.headers)
	case ConsistentHash:
		w.choose(x)
	default:
		if err := w.lookUp(x); err != nil {
			return err
		}
	}
	if w.hits == 0 && x.alternate != "" {
		w.enter(x.alternate)
	}
	return nil
}

// lookUp follows the bindings that match one of the message's keys.
func (w *walk[Q]) lookUp(x *exchange[Q]) error {
	if err := w.lookUpKey(x, w.letter.Key); err != nil {
		return err
	}
	for _, key := range w.letter.Also {
		if err := w.lookUpKey(x, key); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk[Q]) lookUpKey(x *exchange[Q], key string) error {
	if x.shape == Topic {
		return w.match(x.topic, key)
	}
	if at, ok := x.direct.get(key); ok {
		w.follow(at)
	}
	return nil
}

// follow goes to each of the destinations, which differ from each other.
func (w *walk[Q]) follow(s ports[Q]) {
	w.mingled = len(w.found.list) > 0
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
	case !w.mingled || !w.found.has(p.queue):
		w.found.list = append(w.found.list, p.queue)
	}
}

// enter puts the exchange on the list, unless it has been reached before or does not exist.
func (w *walk[Q]) enter(name string) {
	x, ok := w.table.exchanges.get(name)
	if ok && !slices.Contains(w.near[:], x) && !w.far.has(x) {
		w.add(x)
	}
}

// A distinct is a list that can be asked what it holds. Its owner appends to list and has no need to ask before.
type distinct[E comparable] struct {
	list    []E
	seen    map[E]bool // list[:counted]
	counted int
}

// few is up to where looking through a list is quicker than keeping a map.
const few = 32

func (d *distinct[E]) has(e E) bool {
	if len(d.list) <= few {
		return slices.Contains(d.list, e)
	}
	if d.seen == nil {
		d.seen = make(map[E]bool, 2*len(d.list))
	}
	for ; d.counted < len(d.list); d.counted++ {
		d.seen[d.list[d.counted]] = true
	}
	return d.seen[e]
}

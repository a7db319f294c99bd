package route

import (
	"fmt"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// An Exchange is what a client declares. Nothing may change Args once it has been handed over.
type Exchange struct {
	Name       string
	Kind       Kind
	Durable    bool
	AutoDelete bool // goes with the last binding from it; never before it had one
	Internal   bool // clients may not publish to it; other exchanges may forward to it
	Args       amqp.Table
}

// Kind is how an exchange chooses among its bindings, by its name in the protocol.
type Kind string

const (
	Direct  Kind = "direct"  // the binding's key is the message's routing key
	Fanout  Kind = "fanout"  // every binding
	Topic   Kind = "topic"   // the binding's key is a pattern of words: * stands for one, # for any number
	Headers Kind = "headers" // the binding's arguments are compared with the message's headers
)

// Alternate names the exchange that gets what this one can route nowhere, or is empty.
func (x *Exchange) Alternate() string {
	name, _ := x.Args[alternateArg].(string)
	return name
}

const alternateArg = "alternate-exchange"

// An exchange is a declared Exchange with its bindings: all of them, for listing and for equality, and once more in the
// shape in which its kind looks them up.
type exchange[Q comparable] struct {
	spec      Exchange
	shape     Kind
	alternate string
	outgoing  trie[*binding] // by binding.id, as incoming
	incoming  trie[*binding]

	// The one of its kind.
	direct  trie[ports[Q]] // by routing key
	fanout  ports[Q]
	topic   *topicNode[Q]
	headers trie[rule[Q]]  // by binding.id
	shares  trie[share[Q]] // likewise

	// Of a consistent-hash exchange.
	hashHeader   *string
	hashProperty string

	// Of a delayed exchange, once it has one.
	store  Q
	delays bool
}

func newExchange[Q comparable](spec Exchange) *exchange[Q] {
	x := &exchange[Q]{spec: spec, shape: spec.Shape(), alternate: spec.Alternate()}
	if name, ok := spec.Args[hashHeaderArg].(string); ok {
		x.hashHeader = &name
	}
	x.hashProperty, _ = spec.Args[hashPropertyArg].(string)
	return x
}

// Exchange returns what was declared under name.
func (t *Table[Q]) Exchange(name string) (Exchange, bool) {
	if x, ok := t.exchanges.get(name); ok {
		return x.spec, true
	}
	return Exchange{}, false
}

// Lookup is Exchange as a passive declaration does it. Errors: 404 when there is none, 403 for the default exchange.
func (t *Table[Q]) Lookup(name string) (Exchange, error) {
	if name == "" {
		return Exchange{}, errDefaultExchange()
	}
	if x, ok := t.exchanges.get(name); ok {
		return x.spec, nil
	}
	return Exchange{}, t.noExchange(name)
}

// Declare returns the table with the exchange x, or the same table when it is there already.
// Errors: 403 for a reserved name, 406 when one of that name differs or an argument is bad, 503 for an unknown kind.
func (t *Table[Q]) Declare(x Exchange) (*Table[Q], error) {
	if err := x.Kind.check(); err != nil {
		return t, err
	}
	if x.Name == "" {
		return t, errDefaultExchange()
	}
	if old, ok := t.exchanges.get(x.Name); ok {
		return t, t.equivalent(&old.spec, &x)
	}
	if strings.HasPrefix(x.Name, "amq.") {
		return t, amqp.Errorf(amqp.AccessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", x.Name)
	}
	if err := t.checkArgs(&x); err != nil {
		return t, err
	}
	c := t.changed()
	c.exchanges = c.exchanges.with(x.Name, newExchange[Q](x))
	return &c, nil
}

// Known says whether there is such a kind.
func (k Kind) Known() bool { return k.check() == nil }

// WithAlternate returns the table in which what an exchange can route nowhere goes to the exchange named alternate, whatever
// was declared; or nowhere, if that is empty. No such exchange, or no change: the same table.
func (t *Table[Q]) WithAlternate(name, alternate string) *Table[Q] {
	x, ok := t.exchanges.get(name)
	if !ok || x.alternate == alternate {
		return t
	}
	redirected := *x
	redirected.alternate = alternate
	c := t.changed()
	c.exchanges = c.exchanges.with(name, &redirected)
	return &c
}

func (k Kind) check() error {
	switch k {
	case Direct, Fanout, Topic, Headers, ConsistentHash, Delayed:
		return nil
	}
	if k == "" {
		return amqp.Errorf(amqp.CommandInvalid, "invalid exchange type ''")
	}
	return amqp.Errorf(amqp.CommandInvalid, "unknown exchange type '%s'", string(k))
}

// checkArgs says what is wrong with the arguments of a new exchange. Those that it does not know are never wrong.
func (t *Table[Q]) checkArgs(x *Exchange) error {
	if err := t.checkTextArg(x, alternateArg); err != nil {
		return err
	}
	if x.Kind == Delayed {
		if err := x.checkDelayedType(); err != nil {
			return err
		}
	}
	if x.Shape() == ConsistentHash {
		return t.checkHashArgs(x)
	}
	return nil
}

func (t *Table[Q]) checkTextArg(x *Exchange, arg string) error {
	v, given := x.Args[arg]
	if _, ok := v.(string); given && !ok {
		return amqp.Errorf(amqp.PreconditionFailed, "invalid type '%s' for arg '%s' in exchange '%s' in vhost '%s'",
			amqp.TypeName(v), arg, x.Name, t.vhost)
	}
	return nil
}

// equivalent returns nil when x declares again what old declared, else the 406 that names the first difference.
func (t *Table[Q]) equivalent(old, x *Exchange) error {
	for _, field := range [...]struct {
		name         string
		got, current any
	}{
		{"type", x.Kind, old.Kind},
		{"durable", x.Durable, old.Durable},
		{"auto_delete", x.AutoDelete, old.AutoDelete},
		{"internal", x.Internal, old.Internal},
	} {
		if field.got != field.current {
			return t.inequivalent(x.Name, field.name, fmt.Sprintf("'%v'", field.got), fmt.Sprintf("'%v'", field.current))
		}
	}
	return t.equivalentArg(x.Name, alternateArg, x.Args, old.Args)
}

func (t *Table[Q]) equivalentArg(exchange, arg string, got, current amqp.Table) error {
	g, gotOK := got[arg]
	c, currentOK := current[arg]
	switch {
	case gotOK && currentOK && !equal(g, c):
		return t.inequivalent(exchange, arg, fmt.Sprintf("'%v'", g), fmt.Sprintf("'%v'", c))
	case gotOK != currentOK:
		return t.inequivalent(exchange, arg, describe(g, gotOK), describe(c, currentOK))
	}
	return nil
}

func describe(v any, ok bool) string {
	if !ok {
		return "none"
	}
	return fmt.Sprintf("the value '%v' of type '%s'", v, amqp.TypeName(v))
}

func (t *Table[Q]) inequivalent(exchange, arg, got, current string) error {
	return amqp.Errorf(amqp.PreconditionFailed, "inequivalent arg '%s' for exchange '%s' in vhost '%s': received %s but current is %s",
		arg, exchange, t.vhost, got, current)
}

// Delete returns the table without the exchange and the bindings from and to it, and without the auto-delete exchanges that
// thereby lost their last one. No such exchange: the same table.
// Errors: 403 for a reserved name, 406 when ifUnused and there are bindings from it.
func (t *Table[Q]) Delete(name string, ifUnused bool) (*Table[Q], Removed, error) {
	var gone Removed
	if name == "" {
		return t, gone, errDefaultExchange()
	}
	if strings.HasPrefix(name, "amq.") {
		return t, gone, amqp.Errorf(amqp.AccessRefused, "deletion of system exchange '%s' in vhost '%s' not allowed", name, t.vhost)
	}
	x, ok := t.exchanges.get(name)
	if !ok {
		return t, gone, nil
	}
	if ifUnused && x.outgoing.len() > 0 {
		return t, gone, amqp.Errorf(amqp.PreconditionFailed, "exchange '%s' in vhost '%s' in use", name, t.vhost)
	}
	c := t.changed()
	c.drop(x, &gone)
	return &c, gone, nil
}

// drop takes x out, and its bindings. t must be a copy that nobody else has seen.
func (t *Table[Q]) drop(x *exchange[Q], gone *Removed) {
	t.exchanges = t.exchanges.without(x.spec.Name)
	gone.Exchanges = append(gone.Exchanges, x.spec)
	for _, b := range x.outgoing.all() {
		t.unbind(b, gone)
	}
	for _, b := range x.incoming.all() {
		if b.Source != x.spec.Name { // else it is gone already
			t.unbind(b, gone)
		}
	}
}

func errDefaultExchange() error {
	return amqp.Errorf(amqp.AccessRefused, "operation not permitted on the default exchange")
}

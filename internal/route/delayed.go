package route

import (
	"math"
	"strconv"

	"github.com/postrider-mq/postrider/amqp"
)

// Delayed keeps a message for as long as its header x-delay says, in milliseconds, and then routes it as the kind does that
// its argument x-delayed-type names. Without the header, or with one that is not positive, it does so at once.
//
// The table does not keep time. Such an exchange has a queue of the caller's, see [Table.WithStore], and a message that is to
// wait is routed there alone. When its time has come the caller routes it anew, with [Forward] and a header that [Undelayed]
// has turned.
const Delayed Kind = "x-delayed-message"

// DelayHeader asks a delayed exchange for a delay.
const DelayHeader = "x-delay"

const (
	delayedTypeArg = "x-delayed-type"

	// maxDelay is the longest in milliseconds, about 49 days; as with the plugin of RabbitMQ, more is no delay at all.
	maxDelay = math.MaxUint32
)

// Shape is the kind whose bindings an exchange has: its own, but for a delayed exchange.
func (x *Exchange) Shape() Kind {
	if x.Kind != Delayed {
		return x.Kind
	}
	kind, _ := x.Args[delayedTypeArg].(string)
	return Kind(kind)
}

// Delay is how long a delayed exchange keeps a message, in milliseconds; 0 is not at all.
func (l *Letter) Delay() int64 {
	ms, ok := milliseconds(l.header(DelayHeader))
	if !ok || ms < 0 || ms > maxDelay {
		return 0
	}
	return ms
}

// Undelayed changes the header that asked for a delay, so that no other exchange delays the message again and who
// gets it can tell: 5000 becomes -5000.
func Undelayed(headers amqp.Table) {
	if ms, ok := milliseconds(headers[DelayHeader]); ok {
		headers[DelayHeader] = -ms
	}
}

func milliseconds(v any) (int64, bool) {
	switch v := v.(type) {
	case string:
		ms, err := strconv.ParseInt(v, 10, 64)
		return ms, err == nil
	case float32:
		return wholeMilliseconds(float64(v))
	case float64:
		return wholeMilliseconds(v)
	}
	return amqp.Integer(v)
}

func wholeMilliseconds(v float64) (int64, bool) {
	if math.Abs(v) > math.MaxInt32*4 || math.IsNaN(v) {
		return 0, false
	}
	return int64(v), true
}

// checkDelayedType says what is wrong with the argument that a delayed exchange must have.
func (x *Exchange) checkDelayedType() error {
	kind, ok := x.Args[delayedTypeArg].(string)
	switch {
	case !ok:
		return amqp.Errorf(amqp.PreconditionFailed, "Invalid argument, 'x-delayed-type' must be an existing exchange type")
	case Kind(kind) == Delayed:
		return amqp.Errorf(amqp.PreconditionFailed, "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'")
	}
	return Kind(kind).check()
}

// WithStore returns the table in which the delayed exchange of that name, which must be there, keeps messages in q.
func (t *Table[Q]) WithStore(exchange string, q Q) *Table[Q] {
	x, _ := t.exchanges.get(exchange)
	kept := *x
	kept.store, kept.delays = q, true
	c := t.changed()
	c.exchanges = c.exchanges.with(exchange, &kept)
	return &c
}

// Store returns what WithStore gave an exchange.
func (t *Table[Q]) Store(exchange string) (q Q, ok bool) {
	x, ok := t.exchanges.get(exchange)
	if !ok || !x.delays {
		return q, false
	}
	return x.store, true
}

// delay sends the message to the store of x if it is to wait.
func (w *walk[Q]) delay(x *exchange[Q]) bool {
	if !x.delays || w.letter.Delay() == 0 {
		return false
	}
	if !w.found.has(x.store) {
		w.found.list = append(w.found.list, x.store)
	}
	return true
}

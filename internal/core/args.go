package core

import (
	"fmt"
	"unicode/utf8"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/queue"
)

// argExpires is the queue argument that this version acts on: after so many
// milliseconds without use the queue is deleted.
const argExpires = "x-expires"

// knownArgs are the arguments that make two declarations differ.
var knownArgs = []string{
	"x-message-ttl", argExpires, "x-max-length", "x-max-length-bytes", "x-overflow", "x-dead-letter-exchange",
	"x-dead-letter-routing-key", "x-max-priority", "x-single-active-consumer", "x-delivery-limit", "x-queue-type",
}

// refusedArgs change what happens to messages and are not there yet: better a
// clear refusal than a queue that keeps what it was told to drop.
var refusedArgs = []string{
	"x-message-ttl", "x-max-length", "x-max-length-bytes", "x-overflow", "x-dead-letter-exchange",
	"x-dead-letter-routing-key", "x-max-priority", "x-single-active-consumer", "x-delivery-limit",
}

func checkQueueArgs(v *VHost, spec *QueueSpec) error {
	if err := CheckName("queue", spec.Name); err != nil {
		return err
	}
	for _, key := range refusedArgs {
		if _, ok := spec.Args[key]; ok {
			return amqp.Errorf(amqp.NotImplemented, "queue argument %s is not supported by this version of Postrider", key)
		}
	}
	if value, ok := spec.Args[argExpires]; ok {
		n, isInt := Integer(value)
		if !isInt || n <= 0 {
			return amqp.Errorf(amqp.PreconditionFailed, "invalid arg '%s' for queue '%s' in vhost '%s': %s",
				argExpires, spec.Name, v.Name, badInteger(value))
		}
	}
	if value, ok := spec.Args["x-queue-type"]; ok && value != "classic" && value != "quorum" {
		return amqp.Errorf(amqp.PreconditionFailed, "invalid arg 'x-queue-type' for queue '%s' in vhost '%s': \"unsupported queue type '%v'\"",
			spec.Name, v.Name, value)
	}
	return nil
}

func badInteger(value any) string {
	switch n, ok := Integer(value); {
	case !ok:
		return NotInteger(value)
	case n == 0:
		return "{value_zero,0}"
	default:
		return fmt.Sprintf("{value_negative,%d}", n)
	}
}

// NotInteger is how RabbitMQ says that an argument should be a number.
func NotInteger(value any) string {
	return fmt.Sprintf("\"expected integer, got %s\"", typeName(value))
}

// CheckName says what is wrong with a name: too long, not UTF-8, or with
// control characters.
func CheckName(what, name string) error {
	if len(name) > maxName {
		return amqp.Errorf(amqp.PreconditionFailed, "%s name is %d bytes long, at most %d are allowed", what, len(name), maxName)
	}
	if !utf8.ValidString(name) {
		return amqp.Errorf(amqp.PreconditionFailed, "%s name %q is not UTF-8", what, name)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return amqp.Errorf(amqp.PreconditionFailed, "%s name %q has a control character", what, name)
		}
	}
	return nil
}

// sameAs returns the 406 that names the first difference.
func (q *Queue) sameAs(spec *QueueSpec) error {
	switch {
	case spec.Durable != q.Durable:
		return q.inequivalent("durable", spec.Durable, q.Durable)
	case spec.AutoDelete != q.AutoDelete:
		return q.inequivalent("auto_delete", spec.AutoDelete, q.AutoDelete)
	case spec.Exclusive != q.Exclusive:
		return amqp.Errorf(amqp.ResourceLocked, "cannot obtain exclusive access to locked %s. It could be originally declared "+
			"on another connection or the exclusive property value does not match that of the original declaration.", q)
	}
	for _, key := range knownArgs {
		got, current := spec.Args[key], q.Args[key]
		switch {
		case equalArg(got, current):
		case got != nil && current != nil:
			return q.inequivalent(key, got, current)
		default:
			return q.inequivalent(key, argText(got), argText(current))
		}
	}
	return nil
}

func (q *Queue) inequivalent(arg string, got, current any) error {
	return amqp.Errorf(amqp.PreconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s",
		arg, q, quoted(got), quoted(current))
}

func quoted(v any) string {
	if text, ok := v.(argPhrase); ok {
		return string(text)
	}
	return fmt.Sprintf("'%v'", v)
}

// argPhrase is the value of an argument as RabbitMQ words it.
type argPhrase string

func argText(v any) argPhrase {
	if v == nil {
		return "none"
	}
	return argPhrase(fmt.Sprintf("the value '%v' of type '%s'", v, typeName(v)))
}

// typeName is what RabbitMQ calls the type of a table's value.
func typeName(v any) string {
	switch v.(type) {
	case string:
		return "longstr"
	case bool:
		return "bool"
	case float32:
		return "float"
	case float64:
		return "double"
	case amqp.Table:
		return "table"
	case []any:
		return "array"
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case int32:
		return "signedint"
	case uint32:
		return "unsignedint"
	case int64, int:
		return "long"
	}
	return fmt.Sprintf("%T", v)
}

// equalArg compares integers of any width by value.
func equalArg(a, b any) bool {
	x, okX := Integer(a)
	y, okY := Integer(b)
	if okX && okY {
		return x == y
	}
	switch a.(type) {
	case nil, bool, string:
		return a == b
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// Integer reads a table value of any integer type.
func Integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int8:
		return int64(n), true
	case uint8:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint16:
		return int64(n), true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int64:
		return n, true
	case int:
		return int64(n), true
	}
	return 0, false
}

// queueConfig is what the pure queue has to know of a declaration.
func queueConfig(spec *QueueSpec) queue.Config {
	cfg := queue.Config{AutoDelete: spec.AutoDelete}
	if ms, ok := Integer(spec.Args[argExpires]); ok {
		cfg.Expires = queue.Time(ms) * 1e6
	}
	return cfg
}

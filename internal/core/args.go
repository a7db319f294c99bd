package core

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/queue"
)

// The arguments of queues that this version acts on.
const (
	argExpires            = "x-expires" // after so many milliseconds without use the queue is deleted
	argTTL                = "x-message-ttl"
	argMaxLength          = "x-max-length"
	argMaxBytes           = "x-max-length-bytes"
	argOverflow           = "x-overflow"
	argDeadLetterExchange = "x-dead-letter-exchange"
	argDeadLetterKey      = "x-dead-letter-routing-key"
	argMaxPriority        = "x-max-priority"
	argSingleActive       = "x-single-active-consumer"
	argDeliveryLimit      = "x-delivery-limit"
	argGroupSize          = "x-quorum-initial-group-size" // accepted: there is one node
	argConsumerTimeout    = "x-consumer-timeout"          // how many milliseconds a delivery may wait for its acknowledgement
	argType               = "x-queue-type"
	argMode               = "x-queue-mode"    // accepted: bodies are where they cost least in any mode
	argVersion            = "x-queue-version" // accepted: there is one
)

// knownArgs are the arguments that make two declarations of a classic queue differ.
var knownArgs = []string{
	argExpires, argTTL, argDeadLetterExchange, argDeadLetterKey, argMaxLength, argMaxBytes, argMaxPriority,
	argOverflow, argMode, argVersion, argSingleActive, argType, argConsumerTimeout,
}

// knownQuorumArgs are those in the order in which RabbitMQ compares the ones of quorum queues.
var knownQuorumArgs = []string{
	argDeadLetterExchange, argDeadLetterKey, argExpires, argMaxLength, argMaxBytes, argOverflow,
	argSingleActive, argType, argGroupSize, argDeliveryLimit, argTTL, argConsumerTimeout,
}

// millisecond is the unit of the protocol's spans of time.
const millisecond = 1e6

// maxTTL is the longest span that may be asked for, in milliseconds: ten years.
const maxTTL = 10 * 365 * 24 * 3600 * 1000

// argChecks say what is wrong with an argument's value, in RabbitMQ's words
// and in the order in which it looks.
var argChecks = []struct {
	key     string
	problem func(value any, args amqp.Table) string
}{
	{argExpires, func(v any, _ amqp.Table) string { return badSpan(v, 1) }},
	{argTTL, func(v any, _ amqp.Table) string { return badSpan(v, 0) }},
	{argDeadLetterKey, badDeadLetterKey},
	{argMaxLength, badCount},
	{argMaxBytes, badCount},
	{argMaxPriority, badPriority},
	{argOverflow, badOverflow},
	{argMode, badMode},
	{argVersion, badVersion},
	{argSingleActive, badFlag},
	{argGroupSize, func(v any, _ amqp.Table) string { return badGroupSize(v) }},
	{argDeliveryLimit, badDeliveryLimit},
	{argConsumerTimeout, badCount},
}

// checkArgs refuses arguments that the journal could not keep. A client on a socket cannot send such: their values are of
// other types than the protocol has, or they are too many.
func (v *VHost) checkArgs(what, name string, args amqp.Table) error {
	if _, err := amqp.AppendTable(nil, args); err != nil {
		return amqp.Errorf(amqp.PreconditionFailed, "arguments of %s '%s' in vhost '%s' cannot be kept: %s", what, name, v.Name, reasonOf(err))
	}
	return nil
}

func reasonOf(err error) string {
	if e, ok := err.(*amqp.Error); ok {
		return e.Text
	}
	return err.Error()
}

func checkQueueArgs(v *VHost, spec *QueueSpec) error {
	where := fmt.Sprintf("queue '%s' in vhost '%s'", spec.Name, v.Name)
	if value, ok := spec.Args[argDeadLetterExchange]; ok {
		if _, isText := value.(string); !isText {
			return amqp.Errorf(amqp.PreconditionFailed, "invalid type '%s' for arg '%s' in %s", amqp.TypeName(value), argDeadLetterExchange, where)
		}
	}
	if value, ok := spec.Args[argType]; ok && value != "classic" && value != "quorum" {
		return amqp.Errorf(amqp.PreconditionFailed, "invalid arg 'x-queue-type' for %s: %s", where, badType(value))
	}
	if spec.Fresh && spec.Args[argType] == "quorum" {
		return amqp.Errorf(amqp.PreconditionFailed, "Cannot declare a server-named queue for type rabbit_quorum_queue")
	}
	if key, kind := unsupportedArg(spec.Args); key != "" {
		return amqp.Errorf(amqp.PreconditionFailed, "invalid arg '%s' for %s of queue type rabbit_%s_queue", key, where, kind)
	}
	for _, check := range argChecks {
		value, ok := spec.Args[check.key]
		if !ok {
			continue
		}
		if problem := check.problem(value, spec.Args); problem != "" {
			return amqp.Errorf(amqp.PreconditionFailed, "invalid arg '%s' for %s: %s", check.key, where, problem)
		}
	}
	if property := unsupportedProperty(spec); property != "" {
		return amqp.Errorf(amqp.PreconditionFailed, "invalid property '%s' for %s", property, where)
	}
	return nil
}

// unsupportedProperty finds what a quorum queue cannot be, in the order in which RabbitMQ looks.
func unsupportedProperty(spec *QueueSpec) string {
	switch {
	case spec.Args[argType] != "quorum":
		return ""
	case spec.AutoDelete:
		return "auto-delete"
	case spec.Exclusive:
		return "exclusive-owner"
	case !spec.Durable:
		return "non-durable"
	}
	return ""
}

// foreignArgs are those that queues of a type do not have.
var foreignArgs = map[string][]string{
	"classic": {argGroupSize, argDeliveryLimit},
	"quorum":  {argMaxPriority, argMode, argVersion},
}

// unsupportedArg finds an argument that queues of the type asked for do not have.
func unsupportedArg(args amqp.Table) (key, kind string) {
	kind = "classic"
	if args[argType] == "quorum" {
		kind = "quorum"
	}
	for _, key := range foreignArgs[kind] {
		if _, ok := args[key]; ok {
			return key, kind
		}
	}
	return "", kind
}

func badType(v any) string {
	if name, ok := v.(string); ok {
		return fmt.Sprintf("\"unsupported queue type '%s'\"", name)
	}
	return unacceptable(v)
}

func badSpan(v any, least int64) string {
	n, ok := amqp.Integer(v)
	switch {
	case !ok || n < least:
		return badInteger(v)
	case n > maxTTL:
		return fmt.Sprintf("{value_too_large,%d}", n)
	}
	return ""
}

func badCount(v any, _ amqp.Table) string {
	if n, ok := amqp.Integer(v); !ok || n < 0 {
		return badInteger(v)
	}
	return ""
}

// badDeliveryLimit lets a negative one be: it is none, as in RabbitMQ 4, where queues have one unless they say so.
func badDeliveryLimit(v any, _ amqp.Table) string {
	if _, ok := amqp.Integer(v); !ok {
		return NotInteger(v)
	}
	return ""
}

func badGroupSize(v any) string {
	if n, ok := amqp.Integer(v); !ok || n < 1 {
		return badInteger(v)
	}
	return ""
}

func badPriority(v any, _ amqp.Table) string {
	if n, ok := amqp.Integer(v); ok && n > 255 {
		return fmt.Sprintf("{max_value_exceeded,%d}", n)
	}
	return badCount(v, nil)
}

func badOverflow(v any, _ amqp.Table) string {
	switch v {
	case "drop-head", "reject-publish", "reject-publish-dlx":
		return ""
	}
	if _, ok := v.(string); ok {
		return "invalid_overflow"
	}
	return unacceptable(v)
}

func badDeadLetterKey(v any, args amqp.Table) string {
	if _, ok := v.(string); !ok {
		return unacceptable(v)
	}
	if _, ok := args[argDeadLetterExchange]; !ok {
		return "routing_key_but_no_dlx_defined"
	}
	return ""
}

func badMode(v any, _ amqp.Table) string {
	switch mode, ok := v.(string); {
	case !ok:
		return unacceptable(v)
	case mode != "default" && mode != "lazy":
		return fmt.Sprintf("\"unsupported queue mode '%s'\"", mode)
	}
	return ""
}

func badVersion(v any, _ amqp.Table) string {
	switch n, ok := amqp.Integer(v); {
	case !ok:
		return NotInteger(v)
	case n != 1 && n != 2:
		return fmt.Sprintf("\"unsupported queue version '%d'\"", n)
	}
	return ""
}

func badFlag(v any, _ amqp.Table) string {
	if _, ok := v.(bool); !ok {
		return unacceptable(v)
	}
	return ""
}

func unacceptable(v any) string { return fmt.Sprintf("{unacceptable_type,%s}", amqp.TypeName(v)) }

// textArg is a text among the arguments, or nil.
func textArg(args amqp.Table, key string) *string {
	if text, ok := args[key].(string); ok {
		return &text
	}
	return nil
}

func badInteger(value any) string {
	switch n, ok := amqp.Integer(value); {
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
	return fmt.Sprintf("\"expected integer, got %s\"", amqp.TypeName(value))
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
	case spec.Exclusive != q.Exclusive:
		return amqp.Errorf(amqp.ResourceLocked, "cannot obtain exclusive access to locked %s. It could be originally declared "+
			"on another connection or the exclusive property value does not match that of the original declaration.", q)
	case spec.Durable != q.Durable:
		return q.inequivalent("durable", spec.Durable, q.Durable)
	case spec.AutoDelete != q.AutoDelete:
		return q.inequivalent("auto_delete", spec.AutoDelete, q.AutoDelete)
	}
	known := knownArgs
	if q.Args[argType] == "quorum" {
		known = knownQuorumArgs
	}
	for _, key := range known {
		got, given := spec.Args[key]
		current, had := q.Args[key]
		if key == argType && cmp.Or(got, any("classic")) == cmp.Or(current, any("classic")) {
			continue
		}
		switch {
		case given != had:
			return q.inequivalent(key, argText(got, given), argText(current, had))
		case !equalArg(got, current):
			return q.inequivalent(key, got, current)
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
	return fmt.Sprintf("'%v'", worded(v))
}

// argPhrase is the value of an argument as RabbitMQ words it.
type argPhrase string

func argText(v any, given bool) argPhrase {
	switch {
	case !given:
		return "none"
	case v == nil:
		return "the value 'undefined' of type 'void'"
	}
	return argPhrase(fmt.Sprintf("the value '%v' of type '%s'", worded(v), amqp.TypeName(v)))
}

// worded is a value as RabbitMQ writes it: a number with a fraction never without one.
func worded(v any) any {
	var text string
	switch v := v.(type) {
	case float32:
		text = fmt.Sprint(float64(v))
	case float64:
		text = fmt.Sprint(v)
	default:
		return v
	}
	digits, exponent, scientific := strings.Cut(text, "e")
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	if !scientific {
		return digits
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	return digits + "e" + sign + strings.TrimLeft(exponent, "+-0")
}

// equalArg compares integers of any width by value.
func equalArg(a, b any) bool {
	x, okX := amqp.Integer(a)
	y, okY := amqp.Integer(b)
	if okX && okY {
		return x == y
	}
	switch a.(type) {
	case nil, bool, string:
		return a == b
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// queueConfig is what the pure queue has to know of a declaration.
func queueConfig(spec *QueueSpec) queue.Config {
	cfg := queue.Config{AutoDelete: spec.AutoDelete}
	if ms, ok := amqp.Integer(spec.Args[argExpires]); ok {
		cfg.Expires = queue.Time(min(ms, maxTTL)) * millisecond
	}
	if n, ok := amqp.Integer(spec.Args[argMaxPriority]); ok && spec.Args[argType] != "quorum" {
		cfg.MaxPriority = uint8(n)
	}
	cfg.TTL = bound(spec.Args, argTTL, millisecond)
	cfg.MaxLength, cfg.MaxBytes = bound(spec.Args, argMaxLength, 1), bound(spec.Args, argMaxBytes, 1)
	cfg.DeliveryLimit = bound(spec.Args, argDeliveryLimit, 1)
	cfg.TwoLevels = spec.Args[argType] == "quorum"
	cfg.SingleActive, _ = spec.Args[argSingleActive].(bool)
	switch spec.Args[argOverflow] {
	case "reject-publish":
		cfg.Overflow = queue.RejectPublish
	case "reject-publish-dlx":
		cfg.Overflow = queue.RejectPublishDeadLetter
	}
	return cfg
}

// bound is an argument that limits; only a delivery limit may be negative, and is none then.
func bound(args amqp.Table, key string, unit int64) (none queue.Bound) {
	if n, ok := amqp.Integer(args[key]); ok && n >= 0 {
		return queue.AtMost(min(n, math.MaxInt64/unit) * unit)
	}
	return none
}

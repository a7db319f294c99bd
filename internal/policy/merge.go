package policy

import (
	"maps"

	"github.com/postrider-mq/postrider/amqp"
)

// Merge returns what a user's and an operator's policy say together, either of
// which may be nil. It may be one of their definitions: do not change it.
func Merge(user, operator *Policy) Definition {
	switch {
	case user == nil && operator == nil:
		return nil
	case operator == nil:
		return user.Definition
	case user == nil:
		return operator.Definition
	}
	both := maps.Clone(user.Definition)
	for key, limit := range operator.Definition {
		if value, ok := both[key]; ok {
			limit = lower(value, limit)
		}
		both[key] = limit
	}
	return both
}

// Arguments returns the arguments that a queue declared with args has under a
// policy. They may be args itself: do not change them.
func Arguments(kind Kind, args amqp.Table, d Definition) amqp.Table {
	var all amqp.Table
	for key, value := range d {
		how := settings[key].resolve
		if how == nil {
			continue
		}
		name := "x-" + key
		if arg, declared := args[name]; declared {
			value = how(kind, value, arg)
		}
		if all == nil {
			all = make(amqp.Table, len(args)+len(d))
			maps.Copy(all, args)
		}
		all[name] = value
	}
	if all == nil {
		return args
	}
	return all
}

// Alternate returns the alternate exchange of one that was declared with args.
func Alternate(args amqp.Table, d Definition) string {
	if name, ok := args[alternateExchange].(string); ok {
		return name
	}
	name, _ := d[alternateExchange].(string)
	return name
}

const alternateExchange = "alternate-exchange"

// A resolution chooses between a policy's value and an argument's.
type resolution func(kind Kind, policy, arg any) any

func theLower(_ Kind, policy, arg any) any { return lower(policy, arg) }
func theArgument(_ Kind, _, arg any) any   { return arg }
func inQuorum(not resolution) resolution {
	return func(kind Kind, policy, arg any) any {
		if kind == QuorumQueue {
			return policy
		}
		return not(kind, policy, arg)
	}
}

// lower is the lower of two whole numbers, where a negative one is no limit, as a delivery limit may be; of anything else the first.
func lower(a, b any) any {
	x, okX := whole(a)
	y, okY := whole(b)
	if okX && okY && (x < 0 || 0 <= y && y < x) {
		return b
	}
	return a
}

// whole reads a number of any of the protocol's integer types.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint16:
		return int64(n), true
	case int8:
		return int64(n), true
	case uint8:
		return int64(n), true
	case int:
		return int64(n), true
	}
	return 0, false
}

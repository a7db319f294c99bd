package policy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A setting is what may stand in a definition under one key.
type setting struct {
	what     string     // what a bad value is not, in RabbitMQ's words
	right    values     // none: checked with others, see mirroring
	operator bool       // operators may set it, too
	not      [4]bool    // kinds that do not have it
	resolve  resolution // which of policy and argument holds; nil: it is no argument that has an effect here
	acts     bool       // it has an effect here
}

var (
	notClassic  = [4]bool{ClassicQueue: true}
	notStream   = [4]bool{StreamQueue: true}
	onlyStream  = [4]bool{ClassicQueue: true, QuorumQueue: true}
	onlyQuorum  = [4]bool{ClassicQueue: true, StreamQueue: true}
	onlyClassic = [4]bool{QuorumQueue: true, StreamQueue: true}
)

// settings are all that RabbitMQ 3.10 knows without plugins, and a consumer timeout, which later ones know. Those without an
// effect here concern its clusters and its ways to use memory: they are
// accepted, for policies that were written for it.
var settings = map[string]setting{
	"message-ttl":             {what: "message TTL", right: atLeast(0), operator: true, not: notStream, resolve: theLower, acts: true},
	"expires":                 {what: "queue expiry", right: atLeast(1), operator: true, not: notStream, resolve: inQuorum(theLower), acts: true},
	"max-length":              {what: "maximum length", right: atLeast(0), operator: true, not: notStream, resolve: theLower, acts: true},
	"max-length-bytes":        {what: "maximum length in bytes", right: atLeast(0), operator: true, resolve: theLower, acts: true},
	"overflow":                {what: "overflow value", right: oneOf("drop-head", "reject-publish", "reject-publish-dlx"), not: notStream, resolve: inQuorum(theArgument), acts: true},
	"dead-letter-exchange":    {what: "dead letter exchange name", right: text, not: notStream, resolve: theArgument, acts: true},
	"dead-letter-routing-key": {what: "dead letter routing key", right: text, not: notStream, resolve: theArgument, acts: true},
	"delivery-limit":          {what: "delivery limit", right: atLeast(math.MinInt64), operator: true, not: onlyQuorum, resolve: theLower, acts: true},
	"consumer-timeout":        {what: "consumer timeout", right: atLeast(0), operator: true, not: notStream, resolve: theLower, acts: true},
	alternateExchange:         {what: "alternate exchange name", right: text, acts: true},

	"dead-letter-strategy":          {what: "dead letter strategy", right: oneOf("at-most-once", "at-least-once"), not: onlyQuorum},
	"max-age":                       {what: "max age", right: age, not: onlyStream},
	"stream-max-segment-size-bytes": {what: "segment size", right: between(0, 3_000_000_000), not: onlyStream},
	"initial-cluster-size":          {what: "cluster size", right: atLeast(0), not: onlyStream},
	"queue-leader-locator":          {what: "queue leader locator value", right: oneOf("client-local", "balanced", "random", "least-leaders"), not: notClassic},
	"queue-master-locator":          {what: "queue master locator value", right: oneOf("client-local", "min-masters", "random"), not: onlyClassic},
	"max-in-memory-length":          {what: "maximum memory in bytes", right: atLeast(0), operator: true, not: notStream},
	"max-in-memory-bytes":           {what: "maximum memory in bytes", right: atLeast(0), operator: true, not: notStream},
	"queue-mode":                    {what: "queue-mode value", right: oneOf("default", "lazy"), not: onlyClassic},
	"queue-version":                 {what: "queue-version value", right: between(1, 2)},

	"ha-mode":                {not: onlyClassic},
	"ha-params":              {not: onlyClassic},
	"ha-sync-mode":           {not: onlyClassic},
	"ha-sync-batch-size":     {},
	"ha-promote-on-shutdown": {not: onlyClassic},
	"ha-promote-on-failure":  {not: onlyClassic},
}

// Idle returns the keys of a definition that have no effect here, in order.
func Idle(d Definition) (keys []string) {
	for _, key := range sorted(d) {
		if !settings[key].acts {
			keys = append(keys, key)
		}
	}
	return keys
}

// values are those that a setting may have.
type values struct {
	is   func(value any) bool
	want string // what they are, in words
}

var (
	text = values{isText, "a text"}
	age  = values{isAge, "a number and a unit, as in 7D"}
)

func isText(v any) bool { _, ok := v.(string); return ok }

func atLeast(least int64) values {
	want := fmt.Sprintf("a whole number, %d or more", least)
	if least == math.MinInt64 {
		want = "a whole number"
	}
	return values{func(v any) bool { n, ok := v.(int64); return ok && n >= least }, want}
}

func between(least, most int64) values {
	return values{func(v any) bool { n, ok := v.(int64); return ok && n >= least && n <= most }, fmt.Sprintf("a whole number, %d to %d", least, most)}
}

func oneOf(choices ...string) values {
	return values{func(v any) bool {
		text, ok := v.(string)
		return ok && slices.Contains(choices, text)
	}, "one of " + strings.Join(choices, ", ")}
}

// isAge says whether v is a number and a unit, as in 7D.
func isAge(v any) bool {
	text, _ := v.(string)
	if text == "" {
		return false
	}
	number, unit := text[:len(text)-1], text[len(text)-1:]
	n, err := strconv.ParseUint(number, 10, 63)
	return err == nil && n > 0 && strings.Contains("YMDhms", unit)
}

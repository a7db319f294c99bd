package route

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// ConsistentHash sends each message to one of its bindings: always to the same one for the same key, header or
// property, as long as the bindings stay. The binding's key is its weight, a number from 1.
const ConsistentHash Kind = "x-consistent-hash"

// What a consistent-hash exchange looks at in place of the routing key: one of the two.
const (
	hashHeaderArg   = "hash-header"
	hashPropertyArg = "hash-property"
)

// A share is a binding of a consistent-hash exchange.
//
// Which share a value falls to is decided by rendezvous: each share draws a number that follows from the value and from
// its own identity, and the lowest of them wins. So a share that comes takes from each of the others its part and
// nothing else moves; one that goes leaves its part to the others; and the order in which they came does not matter.
//
// The number is -ln(u)/weight, with u even between 0 and 1: the first of several clocks that tick at random, each
// at the rate of its weight, is the k-th with a probability of exactly its part of all weights.
type share[Q comparable] struct {
	port   port[Q]
	weight float64
	seed   uint64
}

// checkWeight says what is wrong with the key of a binding of a consistent-hash exchange.
func checkWeight(key string) error {
	digits, negative := strings.CutPrefix(key, "-")
	if !negative {
		digits = strings.TrimPrefix(key, "+")
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return amqp.Errorf(amqp.PreconditionFailed, "The binding key must be an integer: %s", binary(key))
	}
	if negative || strings.Trim(digits, "0") == "" {
		return amqp.Errorf(amqp.PreconditionFailed, "The binding key must be greater than 0")
	}
	return nil
}

// binary writes a string as RabbitMQ's error texts show it.
func binary(s string) string {
	if s == "" {
		return "<<>>"
	}
	return fmt.Sprintf(`<<"%s">>`, s)
}

func newShare[Q comparable](b *binding, p port[Q]) share[Q] {
	weight, _ := strconv.ParseFloat(b.Key, 64) // checkWeight has seen it; beyond all bounds it is infinite
	return share[Q]{port: p, weight: math.Min(weight, math.MaxInt64), seed: hash(b.id)}
}

// draw is the number that decides; the lowest wins.
func (s *share[Q]) draw(value uint64) float64 {
	x := mix(value ^ s.seed)
	u := (float64(x>>11) + 0.5) / (1 << 53)
	return -math.Log(u) / s.weight
}

// mix spreads each bit of x over all of the result.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// choose follows the share that the message falls to.
func (w *walk[Q]) choose(x *exchange[Q]) {
	if x.shares.len() == 0 {
		return
	}
	w.mingled = true
	d := drawing[Q]{value: hash(x.hashed(&w.letter))}
	d.among(x.shares.root)
	w.arrive(&d.winner.port)
}

// hashed is what of a message decides where it goes.
func (x *exchange[Q]) hashed(l *Letter) string {
	switch {
	case x.hashHeader != nil:
		switch v := l.header(*x.hashHeader).(type) {
		case nil:
			return ""
		case string:
			return v
		default:
			b, _ := amqp.AppendTable(nil, amqp.Table{"": v})
			return string(b)
		}
	case x.hashProperty != "":
		return l.property(x.hashProperty)
	}
	return l.Key
}

type drawing[Q comparable] struct {
	value  uint64
	lowest float64
	winner *share[Q]
}

func (d *drawing[Q]) among(n *node[share[Q]]) {
	for i := range n.leaves {
		s := &n.leaves[i].value
		if drawn := s.draw(d.value); d.winner == nil || drawn < d.lowest {
			d.winner, d.lowest = s, drawn
		}
	}
	for _, kid := range n.kids {
		d.among(kid)
	}
}

// checkHashArgs says what is wrong with the arguments of a consistent-hash exchange.
func (t *Table[Q]) checkHashArgs(x *Exchange) error {
	for _, arg := range [...]string{hashHeaderArg, hashPropertyArg} {
		if err := t.checkTextArg(x, arg); err != nil {
			return err
		}
	}
	_, byHeader := x.Args[hashHeaderArg]
	property, byProperty := x.Args[hashPropertyArg].(string)
	switch {
	case byHeader && byProperty:
		return amqp.Errorf(amqp.PreconditionFailed, "hash-header and hash-property are mutually exclusive")
	case !byProperty:
		return nil
	}
	switch property {
	case "correlation_id", "message_id", "timestamp":
		return nil
	}
	return amqp.Errorf(amqp.PreconditionFailed, "Unsupported property: %s", property)
}

// hash is FNV-1a with a final mix. Where a message goes depends on it, and must not change.
func hash(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

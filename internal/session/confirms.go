package session

import (
	"iter"

	"github.com/postrider-mq/postrider/amqp"
)

// Confirms is the publisher's side of confirm mode on one channel: what was
// published and is neither acked nor nacked yet. The n-th publish after
// confirm.select has tag n. Its zero value is ready; it is not safe for
// concurrent use.
type Confirms[T any] struct{ w window[T] }

// Add books a publish and returns its tag. It must be called in the order in
// which the publishes go out.
func (c *Confirms[T]) Add(v T) uint64 { return c.w.add(v) }

// Settle strikes out what an ack or nack names and hands each value to settled
// in the order of publishing; settled must not call c. A broker may confirm in
// any order and repeat itself: a tag settled before is passed over. A tag that
// was never published is an error of the broker's.
func (c *Confirms[T]) Settle(tag uint64, multiple bool, settled func(T)) error {
	if tag > c.w.last || tag == 0 && !multiple {
		return amqp.Errorf(amqp.PreconditionFailed, "confirm of unknown publish tag %d", tag)
	}
	if multiple {
		if tag == 0 {
			tag = c.w.last
		}
		c.w.takeUpTo(tag, settled)
		return nil
	}
	if at, bit, ok := c.w.find(tag); ok {
		c.w.take(at, bit, settled)
	}
	return nil
}

// All walks what is unconfirmed, oldest first: what is to be published again
// on another connection. c must not change during the walk.
func (c *Confirms[T]) All() iter.Seq2[uint64, T] { return c.w.all() }

// Len is the number of publishes that wait for their confirm.
func (c *Confirms[T]) Len() int { return c.w.live }

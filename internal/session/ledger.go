package session

import (
	"iter"

	"github.com/postrider-mq/postrider/amqp"
)

// Ledger is the book of one channel's deliveries that wait for an
// acknowledgement: what each delivery tag stands for. Its zero value is ready.
// It is not safe for concurrent use; whoever guards the channel guards it.
//
// The memory held follows what is outstanding, not how old it is.
type Ledger[T any] struct{ w window[T] }

// Add books v and returns its delivery tag. Tags count from 1.
func (l *Ledger[T]) Add(v T) uint64 { return l.w.add(v) }

// Skip returns a delivery tag for a delivery that waits for nothing (no-ack):
// such deliveries are counted all the same.
func (l *Ledger[T]) Skip() uint64 { return l.w.skip() }

// Settle strikes out tag or, with multiple, every outstanding tag up to it,
// and hands each value to settled in the order of the tags; settled must not
// call the ledger.
//
// The tag itself must be outstanding, with multiple too: it is unknown (406)
// when it was never given out, is settled already, or is 0.
//
// "If the multiple field is 1, and the delivery tag is zero, this indicates
// acknowledgement of all outstanding messages": that is never an error.
func (l *Ledger[T]) Settle(tag uint64, multiple bool, settled func(T)) error {
	if multiple && tag == 0 {
		l.w.takeUpTo(l.w.last, settled)
		return nil
	}
	at, bit, ok := l.w.find(tag)
	switch {
	case !ok:
		return amqp.Errorf(amqp.PreconditionFailed, "unknown delivery tag %d", tag)
	case multiple:
		l.w.takeUpTo(tag, settled)
	default:
		l.w.take(at, bit, settled)
	}
	return nil
}

// All walks the outstanding deliveries in the order of their tags. The ledger
// must not change during the walk.
func (l *Ledger[T]) All() iter.Seq2[uint64, T] { return l.w.all() }

// Last is the last delivery tag that was given out, 0 if none was.
func (l *Ledger[T]) Last() uint64 { return l.w.last }

// Len is the number of outstanding deliveries.
func (l *Ledger[T]) Len() int { return l.w.live }

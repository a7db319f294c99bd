package client

import (
	"errors"
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
)

// ErrInstead is the error of a queue that was not made, because what it names is there in another form: see [Queue.Instead]. It wraps an
// *amqp.Error, which says in which if the broker has told.
var ErrInstead = errors.New("it is there in another form")

// Instead is the refusal of a queue in whose place another one is.
func Instead(q *Queue, told error) error {
	var refused *amqp.Error
	if !errors.As(told, &refused) {
		refused = amqp.Errorf(amqp.PreconditionFailed, "queue '%s' exists", q.Name)
	}
	return fmt.Errorf("%w: %w", ErrInstead, refused)
}

// notInstead looks for the queue in whose place q is not to be made. One that it may not look for is taken for none.
func (w *wire) notInstead(q *Queue) error {
	if q.Instead == nil || w.passive(q.Instead) != nil {
		return nil
	}
	if !q.Instead.Exact {
		return Instead(q.Instead, nil)
	}
	err := w.make(q.Instead)
	if err == nil { // it has gone in between, and is not to come back
		return w.onTopology(&amqp.QueueDelete{Queue: q.Instead.Name, IfEmpty: true})
	}
	var refused *amqp.Error
	if !errors.As(err, &refused) {
		return err
	}
	return Instead(q.Instead, err)
}

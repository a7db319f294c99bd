package broker

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// Bound has a queue of the virtual host "/" refuse what clients publish into it while it holds so many messages, or
// bytes of bodies, be they ready or delivered and not settled: they get a nack, ErrFull here. What comes from other queues, as dead letters do, is
// counted and let in. Several who publish at once may exceed it by a message each. It holds as long as the broker runs.
// Messages that are routed into several queues at once, and those of transactions, are not asked about. Errors: 404 no such queue, 406 for a bound
// that is negative.
func (b *Broker) Bound(queue string, messages int, bytes int64) error {
	if messages < 0 || bytes < 0 {
		return amqp.Errorf(amqp.PreconditionFailed, "Bound of queue '%s' is %d messages and %d bytes: want 0 or more of each", queue, messages, bytes)
	}
	v, err := b.first()
	if err != nil {
		return err
	}
	return v.Bound(queue, messages, bytes)
}

// Watch has left told how many messages are in a queue of the virtual host "/", ready or delivered and not settled: now, and whenever one
// has gone. It is called under a lock of the queue, and must only take note. The last Watch or Leave of a queue counts. Errors: 404 no such queue.
func (b *Broker) Watch(queue string, left func(messages int)) error {
	v, err := b.first()
	if err != nil {
		return err
	}
	return v.Watch(queue, left)
}

// Leave is for who will close the broker soon and wants nothing more in a queue of the virtual host "/". It ends listening, and clients are told with
// connection.blocked that they should publish no more. What they publish into the queue all the same is neither confirmed nor refused, so they
// keep it; a Conn's fate is ErrClosed. Consuming, settling and direct replies go on. left is told how many messages are in the queue, ready or
// delivered and not settled: now, and whenever one has gone. It is called under a lock of the queue, and must only take note.
// Errors: 404 no such queue.
func (b *Broker) Leave(queue string, left func(messages int)) error {
	v, err := b.first()
	if err != nil {
		return err
	}
	err = v.Hold(queue, left)
	b.server.Leave()
	return err
}

// first is the virtual host that is always there, unless somebody has deleted it.
func (b *Broker) first() (*core.VHost, error) {
	if v, ok := b.core.VHost("/"); ok {
		return v, nil
	}
	return nil, amqp.Errorf(amqp.NotFound, "no vhost '/'")
}

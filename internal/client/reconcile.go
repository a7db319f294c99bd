package client

import (
	"errors"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// reconcile brings the wire to what is wanted of the connection. It returns an error
// when the wire is of no more use. Only the manager calls it.
func (c *Conn) reconcile(w *wire) error {
	seen := c.pub.wanted()
	c.forgetMissing(w)
	if c.cfg.Publishes && !w.publishing {
		if err := w.openPublishing(); err != nil {
			return err
		}
	}
	if c.cfg.Publishes && !w.replying && c.pub.wantsReplies() {
		if err := w.consumeReplies(); err != nil {
			return err
		}
	}
	for _, x := range c.wantedExchanges() {
		if err := w.sureOf(x); err != nil {
			return err
		}
	}
	for _, q := range c.wantedQueues() {
		if err := w.sure(q); err != nil {
			return err
		}
	}
	if c.cfg.Publishes {
		c.pub.release(w.link, seen)
	}
	return c.reconcileConsumers(w)
}

// openPublishing opens the publish channel, the first of the connection.
func (w *wire) openPublishing() error {
	n, err := w.openChannel()
	if err != nil {
		return err
	}
	if n != publishChannel {
		return errors.New("client: the publish channel is not the first")
	}
	w.publishing = true
	return w.ask(n, &amqp.ConfirmSelect{}, nil)
}

func (w *wire) consumeReplies() error {
	w.replying = true
	return w.ask(publishChannel, &amqp.BasicConsume{Queue: ReplyTo, NoAck: true}, nil)
}

func (c *Conn) reconcileConsumers(w *wire) (err error) {
	c.eachConsumer(func(u *Consumer) {
		if err == nil {
			err = c.reconcileConsumer(w, u)
		}
	})
	return err
}

func (c *Conn) reconcileConsumer(w *wire, u *Consumer) error {
	switch u.step(w, time.Now()) {
	case stepStart:
		return w.startConsumer(u)
	case stepCancel:
		return w.cancelConsumer(u)
	case stepForget:
		w.dropConsumer(u)
	}
	return nil
}

// dropConsumer gives up a consumer's channel after its last acks.
func (w *wire) dropConsumer(u *Consumer) {
	if u.queue.Own {
		delete(w.declared, u.queue)
	}
	n := u.leave(w)
	w.mu.Lock()
	if n != 0 && w.consumers[n] == u {
		w.out = u.appendAcks(w.out)
		delete(w.consumers, n)
		w.send(w.proto.CloseChannel(n))
	}
	w.mu.Unlock()
	w.link.Wake()
	u.finish()
}

// startConsumer begins to consume on a channel of its own. A refusal by the broker is the
// consumer's, who tries again later.
func (w *wire) startConsumer(u *Consumer) error {
	err := w.tryConsumer(u)
	var refused *amqp.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	if err != nil && u.queue.Own {
		if err := w.disown(u.queue); err != nil {
			return err
		}
	}
	u.started(w, err)
	return nil
}

// disown deletes an Own queue that nobody consumes from, for the next attempt makes another.
func (w *wire) disown(q *Queue) error {
	err := w.onTopology(&amqp.QueueDelete{Queue: q.name()})
	var refused *amqp.Error
	if errors.As(err, &refused) { // it goes with the connection
		return nil
	}
	return err
}

func (w *wire) tryConsumer(u *Consumer) error {
	delete(w.declared, u.queue) // it may have been deleted since
	if err := w.sure(u.queue); err != nil {
		return err
	}
	if err := u.queue.Err(); err != nil {
		return err
	}
	n, err := w.openChannel()
	if err != nil {
		return err
	}
	if err := w.ask(n, &amqp.BasicQos{PrefetchCount: u.prefetch}, nil); err != nil {
		return err
	}
	u.begin(w, n)
	w.mu.Lock()
	w.consumers[n] = u
	w.mu.Unlock()
	return w.ask(n, &amqp.BasicConsume{Queue: u.queue.name(), ConsumerTag: consumerTag}, nil)
}

// consumerTag is the same for all: each has a channel of its own.
const consumerTag = "postrider"

func (w *wire) cancelConsumer(u *Consumer) error {
	n := u.channelOn()
	err := w.ask(n, &amqp.BasicCancel{ConsumerTag: consumerTag}, nil)
	var refused *amqp.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	u.cancelled()
	return nil
}

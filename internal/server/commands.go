package server

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/route"
	"github.com/postrider-mq/postrider/internal/session"
)

// command executes a method without content and answers it.
func (c *conn) command(ev session.Event) error {
	c.commands++
	if ev.Channel == 0 {
		return c.onConnection(ev.Method)
	}
	ch := c.channels[ev.Channel]
	if err := ch.authorize(ev.Method); err != nil {
		return err
	}
	switch m := ev.Method.(type) {
	case *amqp.BasicAck:
		return ch.settle(m.DeliveryTag, m.Multiple, acknowledged)
	case *amqp.BasicNack:
		return ch.settle(m.DeliveryTag, m.Multiple, refusal(m.Requeue))
	case *amqp.BasicReject:
		return ch.settle(m.DeliveryTag, false, refusal(m.Requeue))
	case *amqp.BasicGet:
		return ch.get(m)
	case *amqp.BasicConsume:
		return ch.consume(m)
	case *amqp.BasicCancel:
		return ch.cancel(m)
	case *amqp.BasicQos:
		return ch.qos(m)
	case *amqp.BasicRecover:
		return ch.recover(m.Requeue, &amqp.BasicRecoverOk{})
	case *amqp.BasicRecoverAsync:
		return ch.recover(m.Requeue, nil)
	case *amqp.ConfirmSelect:
		return ch.selectConfirms(m)
	case *amqp.TxSelect:
		return ch.selectTx()
	case *amqp.TxCommit:
		return ch.commit()
	case *amqp.TxRollback:
		return ch.rollback()
	case *amqp.QueueDeclare:
		return ch.declareQueue(m)
	case *amqp.QueueDelete:
		return ch.deleteQueue(m)
	case *amqp.QueuePurge:
		return ch.purgeQueue(m)
	case *amqp.QueueBind:
		return ch.bindQueue(m)
	case *amqp.QueueUnbind:
		return ch.unbindQueue(m)
	case *amqp.ExchangeDeclare:
		return ch.declareExchange(m)
	case *amqp.ExchangeDelete:
		err := c.client.DeleteExchange(c.ctx, &c.burst, m.Exchange, m.IfUnused)
		return ch.answerIf(err, m.NoWait, &amqp.ExchangeDeleteOk{})
	case *amqp.ExchangeBind:
		err := c.client.Bind(c.ctx, &c.burst, route.Binding{Source: m.Source, Destination: m.Destination, Key: m.RoutingKey, Args: m.Arguments})
		return ch.answerIf(err, m.NoWait, &amqp.ExchangeBindOk{})
	case *amqp.AccessRequest: // "a ticket that nobody looks at again", as in RabbitMQ
		return c.reply(ev.Channel, &amqp.AccessRequestOk{Ticket: 1})
	case *amqp.ExchangeUnbind:
		err := c.client.Unbind(c.ctx, &c.burst, route.Binding{Source: m.Source, Destination: m.Destination, Key: m.RoutingKey, Args: m.Arguments})
		return ch.answerIf(err, m.NoWait, &amqp.ExchangeUnbindOk{})
	}
	return amqp.Errorf(amqp.NotImplemented, "%s is not supported by this version of Postrider", ev.Method.ID())
}

// onConnection executes a method on channel 0.
func (c *conn) onConnection(m amqp.Method) error {
	if _, ok := m.(*amqp.ConnectionUpdateSecret); ok {
		// It is for secrets that expire. Passwords do not, so that the new one is not looked at, as in RabbitMQ.
		return c.reply(0, &amqp.ConnectionUpdateSecretOk{})
	}
	return amqp.Errorf(amqp.NotImplemented, "%s is not supported by this version of Postrider", m.ID())
}

// answer sends a method unless the client does not wait for it.
func (ch *channel) answer(noWait bool, m amqp.Method) error {
	if noWait {
		return nil
	}
	return ch.conn.reply(ch.number, m)
}

func (ch *channel) answerIf(err error, noWait bool, m amqp.Method) error {
	if err != nil {
		return err
	}
	return ch.answer(noWait, m)
}

// named is the queue that a method means: an empty name stands for the one
// declared last on the channel.
//
// "If the queue name is empty, the server uses the last declared queue on the
// channel. If there is none: 530 on a bind, 404 elsewhere."
func (ch *channel) named(queue string) (string, error) {
	if queue != "" {
		return queue, nil
	}
	if ch.lastQueue == "" {
		return "", amqp.Errorf(amqp.NotFound, "no previously declared queue")
	}
	return ch.lastQueue, nil
}

func (ch *channel) declareQueue(m *amqp.QueueDeclare) error {
	c := ch.conn
	if core.IsReplyName(m.Queue) {
		return ch.declareReply(m)
	}
	info, err := c.declareQueue(m, ch)
	if err != nil {
		return err
	}
	ch.lastQueue = info.Name
	return ch.answer(m.NoWait, &amqp.QueueDeclareOk{
		Queue:         info.Name,
		MessageCount:  uint32(info.Messages),
		ConsumerCount: uint32(info.Consumers),
	})
}

func (c *conn) declareQueue(m *amqp.QueueDeclare, ch *channel) (core.QueueInfo, error) {
	if m.Passive { // an empty name is no shortcut here, as in RabbitMQ
		return c.client.InspectQueue(&c.burst, m.Queue)
	}
	return c.client.DeclareQueue(c.ctx, &c.burst, core.QueueSpec{
		Name:       m.Queue,
		Fresh:      m.Queue != "" && m.Queue == ch.fresh,
		Durable:    m.Durable,
		Exclusive:  m.Exclusive,
		AutoDelete: m.AutoDelete,
		Args:       m.Arguments,
	})
}

// declareReply answers whether a requester still waits for direct replies.
func (ch *channel) declareReply(m *amqp.QueueDeclare) error {
	if m.Queue != core.ReplyQueue {
		if err := ch.conn.client.CheckReply(m.Queue); err != nil {
			return err
		}
	}
	ch.lastQueue = m.Queue
	return ch.answer(m.NoWait, &amqp.QueueDeclareOk{Queue: m.Queue, ConsumerCount: 1})
}

func (ch *channel) deleteQueue(m *amqp.QueueDelete) error {
	c := ch.conn
	name, err := ch.named(m.Queue)
	if err != nil {
		return err
	}
	n, err := c.client.DeleteQueue(c.ctx, &c.burst, name, m.IfUnused, m.IfEmpty)
	return ch.answerIf(err, m.NoWait, &amqp.QueueDeleteOk{MessageCount: uint32(n)})
}

func (ch *channel) purgeQueue(m *amqp.QueuePurge) error {
	c := ch.conn
	name, err := ch.named(m.Queue)
	if err != nil {
		return err
	}
	n, err := c.client.PurgeQueue(&c.burst, name)
	return ch.answerIf(err, m.NoWait, &amqp.QueuePurgeOk{MessageCount: uint32(n)})
}

func (ch *channel) bindQueue(m *amqp.QueueBind) error {
	b, err := ch.binding(m.Exchange, m.Queue, m.RoutingKey, m.Arguments)
	if err != nil {
		return err
	}
	err = ch.conn.client.Bind(ch.conn.ctx, &ch.conn.burst, b)
	return ch.answerIf(err, m.NoWait, &amqp.QueueBindOk{})
}

func (ch *channel) unbindQueue(m *amqp.QueueUnbind) error {
	b, err := ch.binding(m.Exchange, m.Queue, m.RoutingKey, m.Arguments)
	if err != nil {
		return err
	}
	err = ch.conn.client.Unbind(ch.conn.ctx, &ch.conn.burst, b)
	return ch.answerIf(err, false, &amqp.QueueUnbindOk{})
}

// binding is one of a queue; with neither queue nor key named, the key is the
// name of the queue declared last.
func (ch *channel) binding(exchange, queue, key string, args amqp.Table) (route.Binding, error) {
	name, err := ch.named(queue)
	if err != nil {
		return route.Binding{}, err
	}
	if queue == "" && key == "" {
		key = name
	}
	return route.Binding{Source: exchange, Destination: name, ToQueue: true, Key: key, Args: args}, nil
}

func (ch *channel) declareExchange(m *amqp.ExchangeDeclare) error {
	c := ch.conn
	if m.Passive {
		return ch.answerIf(c.client.InspectExchange(m.Exchange), m.NoWait, &amqp.ExchangeDeclareOk{})
	}
	err := c.client.DeclareExchange(c.ctx, &c.burst, route.Exchange{
		Name:       m.Exchange,
		Kind:       route.Kind(m.Type),
		Durable:    m.Durable,
		AutoDelete: m.AutoDelete,
		Internal:   m.Internal,
		Args:       m.Arguments,
	})
	return ch.answerIf(err, m.NoWait, &amqp.ExchangeDeclareOk{})
}

package differential

import "github.com/postrider-mq/postrider/amqp"

func (g *generator) consume() Step {
	m := &amqp.BasicConsume{
		Queue:       g.queue(),
		ConsumerTag: pick(g, tags),
		NoLocal:     g.rarely(10),
		NoAck:       g.rarely(4),
		Exclusive:   g.rarely(10),
	}
	m.NoWait = m.ConsumerTag != "" && g.rarely(15)
	if g.rarely(5) {
		m.Arguments = amqp.Table{"x-priority": pick(g, []any{int32(1), int32(-5), int64(10), int8(2), int32(0)})}
	}
	if g.rarely(40) {
		m.Arguments = amqp.Table{"x-priority": pick(g, []any{"high", 1.5, true, nil})}
	}
	if g.rarely(40) {
		m.Arguments = amqp.Table{"x-consumer-timeout": pick(g, []any{int32(100000000), int32(-1), "long"})}
	}
	return Step{Method: m}
}

func (g *generator) get() Step {
	return Step{Method: &amqp.BasicGet{Queue: g.queue(), NoAck: g.rarely(4)}}
}

func (g *generator) cancel() Step {
	return Step{Method: &amqp.BasicCancel{ConsumerTag: pick(g, tags), NoWait: g.rarely(10)}}
}

// settle is an ack, a nack or a reject: of what is outstanding mostly, of what
// is not now and then.
func (g *generator) settle() Step {
	multiple := g.rarely(4)
	s := Step{Aim: one, Index: g.IntN(8)}
	if multiple {
		s.Aim = through
	}
	tag := uint64(0)
	switch g.IntN(40) {
	case 0:
		s.Aim = again
	case 1:
		s.Aim, tag = asIs, pick(g, []uint64{0, 1000, 1 << 63})
	case 2:
		s.Aim, multiple = asIs, true // 0: all that is outstanding
	}
	switch g.IntN(4) {
	case 0:
		s.Method = &amqp.BasicNack{DeliveryTag: tag, Multiple: multiple, Requeue: g.rarely(2)}
	case 1:
		if s.Aim == through {
			s.Aim = one
		}
		s.Method = &amqp.BasicReject{DeliveryTag: tag, Requeue: g.rarely(2)}
	default:
		s.Method = &amqp.BasicAck{DeliveryTag: tag, Multiple: multiple}
	}
	return s
}

func (g *generator) recover() Step {
	if g.rarely(6) {
		return Step{Method: &amqp.BasicRecoverAsync{Requeue: true}}
	}
	return Step{Method: &amqp.BasicRecover{Requeue: !g.rarely(15)}}
}

func (g *generator) qos() Step {
	m := &amqp.BasicQos{PrefetchCount: uint16(g.IntN(4)), Global: g.rarely(4)}
	if g.rarely(25) {
		m.PrefetchSize = 5
	}
	return Step{Method: m}
}

func (g *generator) purge() Step {
	return Step{Method: &amqp.QueuePurge{Queue: g.queue(), NoWait: g.rarely(10)}}
}

func (g *generator) deleteQueue() Step {
	return Step{Method: &amqp.QueueDelete{Queue: g.queue(), IfUnused: g.rarely(2), IfEmpty: g.rarely(2), NoWait: g.rarely(15)}}
}

func (g *generator) deleteExchange() Step {
	return Step{Method: &amqp.ExchangeDelete{Exchange: g.exchange(), IfUnused: g.rarely(2), NoWait: g.rarely(15)}}
}

func (g *generator) passive() Step {
	if g.rarely(2) {
		return Step{Method: &amqp.ExchangeDeclare{Exchange: g.exchange(), Type: pick(g, exchangeTypes), Passive: true}}
	}
	return Step{Method: &amqp.QueueDeclare{Queue: g.queue(), Passive: true, Durable: g.rarely(2)}}
}

const replyQueue = "amq.rabbitmq.reply-to"

// directReply is a consumer of direct replies, a request, or a reply.
func (g *generator) directReply() Step {
	switch g.IntN(4) {
	case 0:
		return Step{Method: &amqp.BasicConsume{Queue: replyQueue, ConsumerTag: pick(g, tags), NoAck: !g.rarely(10)}}
	case 1:
		s := g.publish()
		s.Props.ReplyTo = replyQueue
		return s
	case 2:
		s := g.publish()
		s.Method = &amqp.BasicPublish{Mandatory: g.rarely(2)}
		s.Reply = true
		return s
	default:
		return Step{Method: pick(g, []amqp.Method{
			&amqp.QueueDeclare{Queue: replyQueue, Passive: g.rarely(2)},
			&amqp.QueueDelete{Queue: replyQueue},
			&amqp.QueuePurge{Queue: replyQueue},
			&amqp.BasicGet{Queue: replyQueue, NoAck: g.rarely(2)},
			&amqp.BasicPublish{RoutingKey: replyPrefix + "nobody", Mandatory: true},
			&amqp.QueueDeclare{Queue: replyPrefix + "nobody", Passive: true},
			&amqp.BasicCancel{ConsumerTag: pick(g, tags)},
		})}
	}
}

// leave closes a channel or a connection, in good order or not.
func (g *generator) leave() Step {
	switch g.IntN(6) {
	case 0:
		return Step{Method: &amqp.ConnectionClose{ReplyCode: amqp.ReplySuccess}}
	case 1:
		return Step{HangUp: true}
	}
	return Step{Method: &amqp.ChannelClose{ReplyCode: amqp.ReplySuccess}}
}

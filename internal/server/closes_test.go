package server

import (
	"flag"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

var oracle = flag.String("oracle", "", "ask this broker, host:port of a RabbitMQ 3.10, instead of ours")

// Every way in which a client can be closed for what it did: whether the
// channel or the connection, the code, the text, and the method that is blamed.
// Run with -oracle=127.0.0.1:5672 to compare the table with RabbitMQ; what
// differs on purpose says so.
func TestCloses(t *testing.T) {
	b := newBroker(t).listen()
	for _, c := range closes {
		t.Run(c.name, func(t *testing.T) {
			nc := dialFor(t, b)
			p := newPeer(t, nc)
			if *oracle != "" {
				nc.SetDeadline(time.Now().Add(5 * time.Second)) // reached where RabbitMQ says nothing
			}
			p.login("guest", "guest")
			p.openChannel(1)
			defer p.hangUp()
			c.do(p)
			if *oracle != "" && c.ours {
				t.Log(p.end())
				t.Skip("differs from RabbitMQ on purpose: ", c.want)
			}
			got := p.end()
			t.Log(got)
			if i := strings.Index(c.want, "…"); i >= 0 && len(got) >= i {
				got, c.want = got[:i], c.want[:i]
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func dialFor(t *testing.T, b *broker) net.Conn {
	t.Helper()
	if *oracle == "" {
		return b.connect()
	}
	nc, err := net.Dial("tcp", *oracle)
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

type closing struct {
	name string
	want string // up to an ellipsis
	ours bool   // RabbitMQ differs
	do   func(*peer)
}

// after sends methods on channel 1.
func after(methods ...amqp.Method) func(*peer) {
	return func(p *peer) { p.send(1, methods...) }
}

// mine is an exclusive queue, so that nothing is left behind.
func mine(name string) *amqp.QueueDeclare { return &amqp.QueueDeclare{Queue: name, Exclusive: true} }

func frame(kind byte, channel uint16, payload string) []byte {
	n := len(payload)
	b := []byte{kind, byte(channel >> 8), byte(channel), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return append(append(b, payload...), 0xCE)
}

func publishing(m amqp.BasicPublish, props amqp.Properties) func(*peer) {
	return func(p *peer) { p.publish(1, m, props, "body") }
}

// hashBinding binds a queue to a consistent-hash exchange.
func hashBinding(weight string) func(*peer) {
	return func(p *peer) {
		p.declare(1, *mine("pr-hashed"))
		p.send(1, &amqp.ExchangeDeclare{Exchange: "pr-hash", Type: "x-consistent-hash", AutoDelete: true})
		expect[*amqp.ExchangeDeclareOk](p, 1)
		p.send(1, &amqp.QueueBind{Queue: "pr-hashed", Exchange: "pr-hash", RoutingKey: "1"})
		expect[*amqp.QueueBindOk](p, 1)
		p.send(1, &amqp.QueueBind{Queue: "pr-hashed", Exchange: "pr-hash", RoutingKey: weight})
	}
}

var closes = []closing{
	// What was not delivered cannot be settled.
	{name: "ack unknown", do: after(&amqp.BasicAck{DeliveryTag: 7}),
		want: "channel PRECONDITION_FAILED - unknown delivery tag 7 60.80"},
	{name: "ack zero", do: after(&amqp.BasicAck{}),
		want: "channel PRECONDITION_FAILED - unknown delivery tag 0 60.80"},
	{name: "ack multiple unknown", do: after(&amqp.BasicAck{DeliveryTag: 7, Multiple: true}),
		want: "channel PRECONDITION_FAILED - unknown delivery tag 7 60.80"},
	{name: "nack unknown", do: after(&amqp.BasicNack{DeliveryTag: 7}),
		want: "channel PRECONDITION_FAILED - unknown delivery tag 7 60.120"},
	{name: "reject unknown", do: after(&amqp.BasicReject{DeliveryTag: 7}),
		want: "channel PRECONDITION_FAILED - unknown delivery tag 7 60.90"},
	{name: "ack twice", want: "channel PRECONDITION_FAILED - unknown delivery tag 1 60.80", do: func(p *peer) {
		p.declare(1, *mine("pr-twice"))
		p.publish(1, amqp.BasicPublish{RoutingKey: "pr-twice"}, amqp.Properties{}, "m")
		p.send(1, &amqp.BasicGet{Queue: "pr-twice"})
		expect[*amqp.BasicGetOk](p, 1)
		p.content(1)
		p.send(1, &amqp.BasicAck{DeliveryTag: 1}, &amqp.BasicAck{DeliveryTag: 1})
	}},
	{name: "recover without requeue", do: after(&amqp.BasicRecover{}),
		want: "connection NOT_IMPLEMENTED - requeue=false 60.110"},

	// What is not there.
	{name: "publish to no exchange", do: publishing(amqp.BasicPublish{Exchange: "pr-nope"}, amqp.Properties{}),
		want: "channel NOT_FOUND - no exchange 'pr-nope' in vhost '/' 60.40"},
	{name: "consume no queue", do: after(&amqp.BasicConsume{Queue: "pr-nope"}),
		want: "channel NOT_FOUND - no queue 'pr-nope' in vhost '/' 60.20"},
	{name: "get no queue", do: after(&amqp.BasicGet{Queue: "pr-nope"}),
		want: "channel NOT_FOUND - no queue 'pr-nope' in vhost '/' 60.70"},
	{name: "passive queue", do: after(&amqp.QueueDeclare{Queue: "pr-nope", Passive: true}),
		want: "channel NOT_FOUND - no queue 'pr-nope' in vhost '/' 50.10"},
	{name: "purge no queue", do: after(&amqp.QueuePurge{Queue: "pr-nope"}),
		want: "channel NOT_FOUND - no queue 'pr-nope' in vhost '/' 50.30"},
	{name: "bind no queue", do: after(&amqp.QueueBind{Queue: "pr-nope", Exchange: "amq.direct"}),
		want: "channel NOT_FOUND - no queue 'pr-nope' in vhost '/' 50.20"},
	{name: "bind to no exchange", do: after(mine("pr-b"), &amqp.QueueBind{Queue: "pr-b", Exchange: "pr-nope"}),
		want: "channel NOT_FOUND - no exchange 'pr-nope' in vhost '/' 50.20"},
	{name: "bind exchange to none", do: after(&amqp.ExchangeBind{Source: "pr-nope", Destination: "amq.direct"}),
		want: "channel NOT_FOUND - no exchange 'pr-nope' in vhost '/' 40.30"},
	{name: "passive exchange", do: after(&amqp.ExchangeDeclare{Exchange: "pr-nope", Type: "direct", Passive: true}),
		want: "channel NOT_FOUND - no exchange 'pr-nope' in vhost '/' 40.10"},
	{name: "the queue declared before was that of replies", do: after(&amqp.QueueDeclare{Queue: "amq.rabbitmq.reply-to", Passive: true}, &amqp.QueueBind{Exchange: "amq.direct"}),
		want: "channel NOT_FOUND - no queue 'amq.rabbitmq.reply-to' in vhost '/' 50.20"},
	{name: "no queue declared before: consume", do: after(&amqp.BasicConsume{}),
		want: "channel NOT_FOUND - no previously declared queue 60.20"},
	{name: "no queue declared before: bind", do: after(&amqp.QueueBind{Exchange: "amq.direct"}),
		want: "channel NOT_FOUND - no previously declared queue 50.20"},
	{name: "no queue declared before: delete", do: after(&amqp.QueueDelete{}),
		want: "channel NOT_FOUND - no previously declared queue 50.40"},

	// What may not be done.
	{name: "reserved queue name", do: after(&amqp.QueueDeclare{Queue: "amq.mine"}),
		want: "channel ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*' 50.10"},
	{name: "reserved exchange name", do: after(&amqp.ExchangeDeclare{Exchange: "amq.mine", Type: "direct"}),
		want: "channel ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*' 40.10"},
	{name: "delete a predeclared exchange", do: after(&amqp.ExchangeDelete{Exchange: "amq.direct"}),
		want: "channel ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed 40.20"},
	{name: "delete the default exchange", do: after(&amqp.ExchangeDelete{}),
		want: "channel ACCESS_REFUSED - operation not permitted on the default exchange 40.20"},
	{name: "declare the default exchange", do: after(&amqp.ExchangeDeclare{Type: "direct"}),
		want: "channel ACCESS_REFUSED - operation not permitted on the default exchange 40.10"},
	{name: "bind to the default exchange", do: after(mine("pr-d"), &amqp.QueueBind{Queue: "pr-d", RoutingKey: "k"}),
		want: "channel ACCESS_REFUSED - operation not permitted on the default exchange 50.20"},
	{name: "publish to an internal exchange", want: "channel ACCESS_REFUSED - cannot publish to internal exchange 'pr-int' in vhost '/' 60.40",
		do: func(p *peer) {
			p.send(1, &amqp.ExchangeDeclare{Exchange: "pr-int", Type: "fanout", Internal: true, AutoDelete: true})
			expect[*amqp.ExchangeDeclareOk](p, 1)
			p.publish(1, amqp.BasicPublish{Exchange: "pr-int"}, amqp.Properties{}, "m")
		}},
	{name: "exclusive consumer", do: after(mine("pr-x"), &amqp.BasicConsume{Queue: "pr-x", Exclusive: true}, &amqp.BasicConsume{Queue: "pr-x"}),
		want: "channel ACCESS_REFUSED - queue 'pr-x' in vhost '/' in exclusive use 60.20"},
	{name: "exclusive consumer too late", do: after(mine("pr-x"), &amqp.BasicConsume{Queue: "pr-x"}, &amqp.BasicConsume{Queue: "pr-x", Exclusive: true}),
		want: "channel ACCESS_REFUSED - queue 'pr-x' in vhost '/' in exclusive use 60.20"},
	{name: "consumer tag again", do: after(mine("pr-x"), &amqp.BasicConsume{Queue: "pr-x", ConsumerTag: "c"}, &amqp.BasicConsume{Queue: "pr-x", ConsumerTag: "c"}),
		want: "connection NOT_ALLOWED - attempt to reuse consumer tag 'c' 60.20"},
	{name: "user id", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{UserID: "root"}),
		want: "channel PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'guest' 60.40"},

	// Declared otherwise.
	{name: "queue durable", do: after(&amqp.QueueDeclare{Queue: "pr-i", AutoDelete: true}, &amqp.BasicConsume{Queue: "pr-i"}, &amqp.QueueDeclare{Queue: "pr-i", AutoDelete: true, Durable: true}),
		want: "channel PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'pr-i' in vhost '/': received 'true' but current is 'false' 50.10"},
	{name: "queue auto-delete", do: after(mine("pr-i"), &amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, AutoDelete: true}),
		want: "channel PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'pr-i' in vhost '/': received 'true' but current is 'false' 50.10"},
	{name: "queue exclusive", do: after(mine("pr-i"), &amqp.QueueDeclare{Queue: "pr-i"}),
		want: "channel RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'pr-i' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration. 50.10"},
	{name: "queue expires", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-expires": int32(60000)}}, mine("pr-i")),
		want: "channel PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'pr-i' in vhost '/': received none but current is the value '60000' of type 'signedint' 50.10"},
	{name: "queue expires otherwise", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-expires": int32(60000)}},
		&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-expires": int64(50000)}}),
		want: "channel PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'pr-i' in vhost '/': received '50000' but current is '60000' 50.10"},
	{name: "queue expires zero", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-expires": int32(0)}}),
		want: "channel PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'pr-i' in vhost '/': {value_zero,0} 50.10"},
	{name: "queue expires negative", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-expires": int32(-1)}}),
		want: "channel PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'pr-i' in vhost '/': {value_negative,-1} 50.10"},
	{name: "queue expires text", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-expires": "soon"}}),
		want: "channel PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'pr-i' in vhost '/': \"expected integer, got longstr\" 50.10"},
	{name: "quorum and named by the server", do: after(&amqp.QueueDeclare{Durable: true, Arguments: amqp.Table{"x-queue-type": "quorum"}}),
		want: "channel PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue 50.10"},
	{name: "quorum and transient", do: after(&amqp.QueueDeclare{Queue: "pr-i", Arguments: amqp.Table{"x-queue-type": "quorum"}}),
		want: "channel PRECONDITION_FAILED - invalid property 'non-durable' for queue 'pr-i' in vhost '/' 50.10"},
	{name: "quorum and exclusive", do: after(&amqp.QueueDeclare{Queue: "pr-i", Durable: true, Exclusive: true, Arguments: amqp.Table{"x-queue-type": "quorum"}}),
		want: "channel PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'pr-i' in vhost '/' 50.10"},
	{name: "quorum and auto-delete", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, AutoDelete: true, Arguments: amqp.Table{"x-queue-type": "quorum"}}),
		want: "channel PRECONDITION_FAILED - invalid property 'auto-delete' for queue 'pr-i' in vhost '/' 50.10"},
	{name: "queue type", do: after(&amqp.QueueDeclare{Queue: "pr-i", Exclusive: true, Arguments: amqp.Table{"x-queue-type": "odd"}}),
		want: "channel PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'pr-i' in vhost '/': \"unsupported queue type 'odd'\" 50.10"},
	{name: "exchange type", do: after(&amqp.ExchangeDeclare{Exchange: "amq.direct", Type: "fanout", Durable: true}),
		want: "channel PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'fanout' but current is 'direct' 40.10"},
	{name: "exchange durable", do: after(&amqp.ExchangeDeclare{Exchange: "amq.direct", Type: "direct"}),
		want: "channel PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'amq.direct' in vhost '/': received 'false' but current is 'true' 40.10"},
	{name: "unknown exchange type", do: after(&amqp.ExchangeDeclare{Exchange: "pr-odd", Type: "odd"}),
		want: "connection COMMAND_INVALID - unknown exchange type 'odd' 40.10"},

	{name: "hashing by an unknown property", do: after(&amqp.ExchangeDeclare{Exchange: "pr-hash", Type: "x-consistent-hash", Arguments: amqp.Table{"hash-property": "type"}}),
		want: "channel PRECONDITION_FAILED - Unsupported property: type 40.10"},
	{name: "hashing by two things", do: after(&amqp.ExchangeDeclare{Exchange: "pr-hash", Type: "x-consistent-hash", Arguments: amqp.Table{"hash-property": "message_id", "hash-header": "h"}}),
		want: "channel PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive 40.10"},
	{name: "delayed without a type", ours: true, do: after(&amqp.ExchangeDeclare{Exchange: "pr-later", Type: "x-delayed-message"}),
		want: "channel PRECONDITION_FAILED - Invalid argument, 'x-delayed-type' must be an existing exchange type 40.10"},
	{name: "hashing with no weight", do: hashBinding("heavy"),
		want: "channel PRECONDITION_FAILED - The binding key must be an integer: <<\"heavy\">> 50.20"},
	{name: "hashing with weight zero", do: hashBinding("0"),
		want: "channel PRECONDITION_FAILED - The binding key must be greater than 0 50.20"},

	// In use.
	{name: "delete a queue that is not empty", want: "channel PRECONDITION_FAILED - queue 'pr-e' in vhost '/' not empty 50.40", do: func(p *peer) {
		p.declare(1, *mine("pr-e"))
		p.publish(1, amqp.BasicPublish{RoutingKey: "pr-e"}, amqp.Properties{}, "m")
		p.send(1, &amqp.QueueDelete{Queue: "pr-e", IfEmpty: true})
	}},
	{name: "delete a queue in use", do: after(mine("pr-u"), &amqp.BasicConsume{Queue: "pr-u"}, &amqp.QueueDelete{Queue: "pr-u", IfUnused: true}),
		want: "channel PRECONDITION_FAILED - queue 'pr-u' in vhost '/' in use 50.40"},
	{name: "delete an exchange in use", want: "channel PRECONDITION_FAILED - exchange 'pr-used' in vhost '/' in use 40.20",
		do: after(mine("pr-u"), &amqp.ExchangeDeclare{Exchange: "pr-used", Type: "fanout", AutoDelete: true},
			&amqp.QueueBind{Queue: "pr-u", Exchange: "pr-used"}, &amqp.ExchangeDelete{Exchange: "pr-used", IfUnused: true})},

	// Bad properties.
	{name: "expiration text", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Expiration: "soon"}),
		want: "channel PRECONDITION_FAILED - invalid expiration 'soon': no_integer 60.40"},
	{name: "expiration negative", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Expiration: "-1"}),
		want: "channel PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1} 60.40"},
	{name: "expiration for ever", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Expiration: "99999999999999"}),
		want: "channel PRECONDITION_FAILED - invalid expiration '99999999999999': {value_too_large,99999999999999} 60.40"},
	{name: "expiration empty", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Expiration: "-"}),
		want: "channel PRECONDITION_FAILED - invalid expiration '-': no_integer 60.40"},
	{name: "expiration with a tail", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Expiration: "10s"}),
		want: "channel PRECONDITION_FAILED - invalid expiration '10s': {leftover_string,\"s\"} 60.40"},

	{name: "CC is no list", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Headers: amqp.Table{"CC": "k"}}),
		want: "channel PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr} 60.40"},
	{name: "BCC is no list", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Headers: amqp.Table{"BCC": int64(1)}}),
		want: "channel PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"BCC\",long} 60.40"},

	// Direct replies.
	{name: "reply-to without consumer", do: publishing(amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{ReplyTo: "amq.rabbitmq.reply-to"}),
		want: "channel PRECONDITION_FAILED - fast reply consumer does not exist 60.40"},
	{name: "reply consumer that acks", do: after(&amqp.BasicConsume{Queue: "amq.rabbitmq.reply-to"}),
		want: "channel PRECONDITION_FAILED - reply consumer cannot acknowledge 60.20"},
	{name: "second reply consumer", want: "channel PRECONDITION_FAILED - reply consumer already set 60.20",
		do: after(&amqp.BasicConsume{Queue: "amq.rabbitmq.reply-to", NoAck: true}, &amqp.BasicConsume{Queue: "amq.rabbitmq.reply-to", NoAck: true})},

	// What is not implemented, here or there.
	{name: "immediate", do: publishing(amqp.BasicPublish{Exchange: "amq.direct", Immediate: true}, amqp.Properties{}),
		want: "connection NOT_IMPLEMENTED - immediate=true 60.40"},
	{name: "prefetch size", do: after(&amqp.BasicQos{PrefetchSize: 5}),
		want: "connection NOT_IMPLEMENTED - prefetch_size!=0 (5) 60.10"},
	{name: "flow", do: after(&amqp.ChannelFlow{}), want: "connection NOT_IMPLEMENTED - active=false 20.20"},
	{name: "commit without select", do: after(&amqp.TxCommit{}), want: "channel PRECONDITION_FAILED - channel is not transactional 90.20"},
	{name: "rollback without select", do: after(&amqp.TxRollback{}), want: "channel PRECONDITION_FAILED - channel is not transactional 90.30"},
	{name: "from confirms to tx", want: "channel PRECONDITION_FAILED - cannot switch from confirm to tx mode 90.10",
		do: after(&amqp.ConfirmSelect{NoWait: true}, &amqp.TxSelect{})},
	{name: "from tx to confirms", do: func(p *peer) {
		p.send(1, &amqp.TxSelect{}, &amqp.ConfirmSelect{})
		expect[*amqp.TxSelectOk](p, 1)
	}, want: "channel PRECONDITION_FAILED - cannot switch from tx to confirm mode 85.10"},
	{name: "ack unknown in tx", do: func(p *peer) {
		p.send(1, &amqp.TxSelect{}, &amqp.BasicAck{DeliveryTag: 7})
		expect[*amqp.TxSelectOk](p, 1)
	}, want: "channel PRECONDITION_FAILED - unknown delivery tag 7 60.80"},
	{name: "publish to no exchange in tx", do: func(p *peer) {
		p.send(1, &amqp.TxSelect{})
		expect[*amqp.TxSelectOk](p, 1)
		p.publish(1, amqp.BasicPublish{Exchange: "pr-nope"}, amqp.Properties{}, "m")
	}, want: "channel NOT_FOUND - no exchange 'pr-nope' in vhost '/' 60.40"},
	{name: "a queue refuses in tx", do: func(p *peer) {
		p.declare(1, amqp.QueueDeclare{Queue: "pr-full", Exclusive: true, Arguments: amqp.Table{"x-max-length": int32(0), "x-overflow": "reject-publish"}})
		p.send(1, &amqp.TxSelect{})
		expect[*amqp.TxSelectOk](p, 1)
		p.publish(1, amqp.BasicPublish{RoutingKey: "pr-full"}, amqp.Properties{}, "m")
		p.send(1, &amqp.TxCommit{})
	}, want: "channel PRECONDITION_FAILED - partial tx completion …"},
	{name: "consumer priority", do: after(mine("pr-p"), &amqp.BasicConsume{Queue: "pr-p", Arguments: amqp.Table{"x-priority": "high"}}),
		want: "channel PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'pr-p' in vhost '/': \"expected integer, got longstr\" 60.20"},
	{name: "consumer timeout", do: after(mine("ct-p"), &amqp.BasicConsume{Queue: "ct-p", Arguments: amqp.Table{"x-consumer-timeout": "long"}}), ours: true, // later ones have it
		want: "channel PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'ct-p' in vhost '/': \"expected integer, got longstr\" 60.20"},
	{name: "consumer timeout below zero", do: after(mine("ct-n"), &amqp.BasicConsume{Queue: "ct-n", Arguments: amqp.Table{"x-consumer-timeout": int32(-1)}}), ours: true,
		want: "channel PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'ct-n' in vhost '/': {value_negative,-1} 60.20"},

	// Channels and frames.
	{name: "second open", do: after(&amqp.ChannelOpen{}), want: "connection CHANNEL_ERROR - second 'channel.open' seen 20.10"},
	{name: "channel not open", do: func(p *peer) { p.send(9, &amqp.BasicQos{}) },
		want: "connection CHANNEL_ERROR - expected 'channel.open' 60.10"},
	{name: "channel above the limit", do: func(p *peer) { p.send(2048, &amqp.ChannelOpen{}) },
		want: "connection NOT_ALLOWED - channel 2048 is above the negotiated channel_max (2047) 0.0", ours: true},
	{name: "header without method", do: func(p *peer) { p.write(frame(2, 1, "\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00")) },
		want: "connection UNEXPECTED_FRAME - expected method frame, got non method frame instead 0.0"},
	{name: "body without header", do: func(p *peer) { p.send(1, &amqp.BasicPublish{}); p.write(frame(3, 1, "x")) },
		want: "connection UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead 60.40"},
	{name: "method instead of header", do: after(&amqp.BasicPublish{}, &amqp.BasicQos{}),
		want: "connection UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead 60.40"},
	{name: "header of another class", do: func(p *peer) {
		p.send(1, &amqp.BasicPublish{})
		p.write(frame(2, 1, "\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00"))
	}, want: "connection UNEXPECTED_FRAME - expected content header for class 60, got one for class 10 instead 60.40"},
	{name: "heartbeat on a channel", do: func(p *peer) { p.write(frame(8, 1, "")) },
		want: "connection UNEXPECTED_FRAME - …"},
	{name: "a frame of unknown type", do: func(p *peer) { p.write(frame(77, 1, "abc")) },
		want: "connection FRAME_ERROR - …"},
	{name: "a bad frame end", do: func(p *peer) { b := frame(1, 1, "abcd"); b[len(b)-1] = 0; p.write(b) },
		want: "connection FRAME_ERROR - …"},
	{name: "a frame that is too large", do: func(p *peer) { p.write([]byte{3, 0, 1, 1, 0, 0, 0}) },
		want: "connection FRAME_ERROR - …"},
	{name: "a method that does not exist", do: func(p *peer) { p.write(frame(1, 1, "\x00\x3c\x0f\xff")) },
		want: "connection COMMAND_INVALID - …", ours: true},
	{name: "a method cut short", do: func(p *peer) { p.write(frame(1, 1, "\x00\x3c\x00\x50\x00")) },
		want: "connection SYNTAX_ERROR - the arguments end too early 60.80", ours: true},
	{name: "a body that is too long", do: func(p *peer) {
		p.send(1, &amqp.BasicPublish{})
		p.write(amqp.AppendHeaderFrame(nil, 1, 60, 2, amqp.RawProperties{0, 0}))
		p.write(frame(3, 1, "xyz"))
	}, want: "connection FRAME_ERROR - …", ours: true},
	{name: "too large a message", do: func(p *peer) {
		p.send(1, &amqp.BasicPublish{})
		p.write(amqp.AppendHeaderFrame(nil, 1, 60, 200<<20, amqp.RawProperties{0, 0}))
	}, want: "channel PRECONDITION_FAILED - message size 209715200 is larger than …", ours: true},
}

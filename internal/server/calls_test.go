package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// caller is a client in confirm mode that takes direct replies.
func (b *broker) caller() *peer {
	p := b.dial()
	p.consume(1, amqp.BasicConsume{Queue: "amq.rabbitmq.reply-to", NoAck: true})
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	return p
}

func (p *peer) call(question string) {
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{ReplyTo: "amq.rabbitmq.reply-to"}, question)
}

// The confirm of a call comes with the answer, in one write; without an answer it comes soon after.
func TestTheConfirmOfACallComesWithItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		alice, bob := b.caller(), b.dial()
		bob.declare(1, amqp.QueueDeclare{Queue: "q"})
		bob.consume(1, amqp.BasicConsume{Queue: "q", NoAck: true})
		for range 3 {
			synctest.Wait() // alice's writer rests
			began := time.Now()
			alice.call("question")
			expect[*amqp.BasicDeliver](bob, 1)
			props, _ := bob.content(1)
			bob.publish(1, amqp.BasicPublish{RoutingKey: props.ReplyTo}, amqp.Properties{}, "answer")
			alice.wantDelivery(1, "answer")
			expect[*amqp.BasicAck](alice, 1)
			if took := time.Since(began); took != 0 {
				t.Errorf("the confirm came %v after the question, though it was answered", took)
			}
		}
		synctest.Wait()
		began := time.Now()
		alice.call("nobody answers")
		bob.wantDelivery(1, "nobody answers")
		expect[*amqp.BasicAck](alice, 1)
		if took := time.Since(began); took > soon {
			t.Errorf("the confirm came after %v, want within %v", took, soon)
		}
	})
}

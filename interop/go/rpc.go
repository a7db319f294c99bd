package main

import (
	"fmt"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

func rpc(s *stage) {
	ask := s.channel()
	call(s, ask, s.ownQueue(ask))
}

func directReplyTo(s *stage) {
	call(s, s.channel(), "amq.rabbitmq.reply-to")
}

// call asks a server on another connection for squares, and wants the answers
// in the queue replyTo.
func call(s *stage, ask *amqp.Channel, replyTo string) {
	serve := s.channel()
	questions := s.queue(serve, "rpc", false)
	asked := s.consume(serve, questions, false)
	answers := s.consume(ask, replyTo, true)
	for _, n := range []int{3, 4} {
		question := text(strconv.Itoa(n))
		question.ReplyTo, question.CorrelationId = replyTo, fmt.Sprint("call-", n)
		s.publish(ask, "", questions, question)

		s.answer(serve, asked.next("a question"))
		answer := answers.next("an answer")
		s.want("correlation", answer.CorrelationId, question.CorrelationId)
		s.want("answer", string(answer.Body), strconv.Itoa(n*n))
	}
	s.drop(serve, questions, 0)
}

func (s *stage) answer(ch *amqp.Channel, question amqp.Delivery) {
	n, err := strconv.Atoi(string(question.Body))
	s.must(err)
	answer := text(strconv.Itoa(n * n))
	answer.CorrelationId = question.CorrelationId
	s.publish(ch, "", question.ReplyTo, answer)
	s.must(question.Ack(false))
}

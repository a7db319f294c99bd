package main

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// confirms wants a confirm for each message, in order, and for one that cannot
// be routed its return before the confirm.
func confirms(s *stage) {
	ch := s.channel()
	queue := s.queue(ch, "confirms", true)
	s.must(ch.Confirm(false))
	confirmed := ch.NotifyPublish(make(chan amqp.Confirmation, 100))
	for n := range 20 {
		s.must(ch.Publish("", queue, true, false, persistent(fmt.Sprint(n))))
	}
	for n := range 20 {
		s.want("confirm", await(s, confirmed, "a confirm"), amqp.Confirmation{DeliveryTag: uint64(n + 1), Ack: true})
	}

	// Neither channel has room, so the client's reader can hand over only in
	// the order in which it read.
	s.returnFirst()
	s.must(ch.Publish("", unique("nowhere"), false, false, text("dropped")))
	s.want("confirm", await(s, confirmed, "a confirm"), amqp.Confirmation{DeliveryTag: 21, Ack: true})
	s.drop(ch, queue, 20)
}

func (s *stage) returnFirst() {
	ch := s.channel()
	s.must(ch.Confirm(false))
	returned := ch.NotifyReturn(make(chan amqp.Return))
	confirmed := ch.NotifyPublish(make(chan amqp.Confirmation))
	s.must(ch.Publish("", unique("nowhere"), true, false, text("lost")))
	back := await(s, returned, "the return")
	s.want("returned", fmt.Sprint(back.ReplyCode, " ", back.ReplyText, ": ", string(back.Body)), "312 NO_ROUTE: lost")
	s.want("confirm", await(s, confirmed, "the confirm"), amqp.Confirmation{DeliveryTag: 1, Ack: true})
}

package main

import (
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
)

func fanout(s *stage) {
	ch := s.channel()
	exchange := s.exchange(ch, "fanout")
	subscribers := []inbox{s.subscribe(ch, exchange, ""), s.subscribe(ch, exchange, "")}
	for _, news := range []string{"first", "second"} {
		s.publish(ch, exchange, "ignored", text(news))
	}
	for _, sub := range subscribers {
		s.want("news", sub.until("second"), []string{"first", "second"})
	}
	s.must(ch.ExchangeDelete(exchange, false, false))
}

// A subscription binds a queue under keys and expects these messages, in order.
type subscription struct{ keys, expected []string }

func direct(s *stage) {
	routing(s, "direct", []string{"info", "error", "debug", "warning"}, []subscription{
		{[]string{"error"}, []string{"error"}},
		{[]string{"info", "warning", "error"}, []string{"info", "error", "warning"}},
	})
}

func topics(s *stage) {
	seen := []string{
		"quick.orange.rabbit", "lazy.orange.elephant", "quick.brown.fox", "lazy.pink.rabbit", "lazy", "orange",
	}
	routing(s, "topic", seen, []subscription{
		{[]string{"*.orange.*"}, seen[:2]},
		{[]string{"*.*.rabbit", "lazy.#"}, []string{seen[0], seen[1], seen[3], seen[4]}},
		{[]string{"#"}, seen},
	})
}

// routing publishes one message a key and looks what each subscriber got.
func routing(s *stage, kind string, published []string, subscriptions []subscription) {
	ch := s.channel()
	exchange := s.exchange(ch, kind)
	var subscribers []inbox
	for _, sub := range subscriptions {
		subscribers = append(subscribers, s.subscribe(ch, exchange, append(sub.keys, "end")...))
	}
	for _, key := range slices.Concat(published, []string{"end"}) {
		s.publish(ch, exchange, key, text(key))
	}
	for i, sub := range subscribers {
		s.want("routed", sub.until("end"), slices.Concat(subscriptions[i].expected, []string{"end"}))
	}
	s.must(ch.ExchangeDelete(exchange, false, false))
}

func (s *stage) exchange(ch *amqp.Channel, kind string) string {
	name := unique(kind)
	s.must(ch.ExchangeDeclare(name, kind, false, false, false, false, nil))
	return name
}

func (s *stage) subscribe(ch *amqp.Channel, exchange string, keys ...string) inbox {
	queue := s.ownQueue(ch)
	for _, key := range keys {
		s.must(ch.QueueBind(queue, key, exchange, false, nil))
	}
	return s.consume(ch, queue, true)
}

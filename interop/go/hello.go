package main

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// hello sends a message with every property and every kind of header, and
// wants all of it back.
func hello(s *stage) {
	ch := s.channel()
	queue := s.queue(ch, "hello", false)
	_, ok, err := ch.Get(queue, true)
	s.must(err)
	s.want("message in an empty queue", ok, false)

	sent := greeting()
	s.publish(ch, "", queue, sent)
	got := s.consume(ch, queue, true).next("the greeting")
	s.want("body", string(got.Body), "Hello World!")
	s.want("exchange", got.Exchange, "")
	s.want("routing key", got.RoutingKey, queue)
	s.want("redelivered", got.Redelivered, false)
	s.want("headers", got.Headers, sent.Headers)
	s.want("timestamp", got.Timestamp.Unix(), sent.Timestamp.Unix())
	s.want("properties", properties(got), []any{
		sent.ContentType, sent.ContentEncoding, sent.DeliveryMode, sent.Priority, sent.CorrelationId,
		sent.ReplyTo, sent.Expiration, sent.MessageId, sent.Type, sent.UserId, sent.AppId,
	})
	s.drop(ch, queue, 0)
}

func greeting() amqp.Publishing {
	return amqp.Publishing{
		Headers: amqp.Table{
			"text": "grüße", "yes": true, "no": false, "none": nil,
			"byte": int8(-1), "short": int16(-2), "int": int32(-3), "long": int64(1) << 40,
			"float": float32(0.5), "double": 0.25, "decimal": amqp.Decimal{Scale: 2, Value: 12345},
			"bytes": []byte{0, 1, 2}, "time": time.Unix(1700000000, 0),
			"list":  []interface{}{int32(1), "two", amqp.Table{"three": int32(3)}},
			"table": amqp.Table{"nested": amqp.Table{"deep": "enough"}},
		},
		ContentType: "text/plain", ContentEncoding: "utf-8", DeliveryMode: amqp.Transient, Priority: 3,
		CorrelationId: "c-1", ReplyTo: "nobody", Expiration: "60000", MessageId: "m-1",
		Timestamp: time.Unix(1700000000, 0), Type: "greeting", UserId: "guest", AppId: "interop",
		Body: []byte("Hello World!"),
	}
}

func properties(d amqp.Delivery) []any {
	return []any{
		d.ContentType, d.ContentEncoding, d.DeliveryMode, d.Priority, d.CorrelationId,
		d.ReplyTo, d.Expiration, d.MessageId, d.Type, d.UserId, d.AppId,
	}
}

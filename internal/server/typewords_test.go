package server

import (
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// The types of a table have the same names here as in RabbitMQ's error texts: with -oracle it is asked.
func TestTypeWords(t *testing.T) {
	b := newBroker(t).listen()
	for _, v := range []any{
		nil, true, "text", []byte("b"), amqp.Table{}, float32(1), 1.0, amqp.Decimal{Scale: 1, Value: 1}, time.Unix(1, 0),
		int8(1), uint8(1), int16(1), uint16(1), int32(1), uint32(1), int64(1),
	} {
		p := newPeer(t, dialFor(t, b))
		p.login("guest", "guest")
		p.openChannel(1)
		p.publish(1, amqp.BasicPublish{Exchange: "amq.direct"}, amqp.Properties{Headers: amqp.Table{"CC": v}}, "m")
		if got, want := p.end(), "\"CC\","+amqp.TypeName(v)+"} "; !strings.Contains(got, want) {
			t.Errorf("%T: %s, want %s", v, got, want)
		}
		p.hangUp()
		if _, flag := v.(bool); flag || v == nil {
			continue
		}
		p = newPeer(t, dialFor(t, b))
		p.login("guest", "guest")
		p.openChannel(1)
		p.send(1, &amqp.QueueDeclare{Queue: "pr-words", Exclusive: true, Arguments: amqp.Table{"x-single-active-consumer": v}})
		if got, want := p.end(), "{unacceptable_type,"+amqp.TypeName(v)+"} "; !strings.Contains(got, want) {
			t.Errorf("%T: %s, want %s", v, got, want)
		}
		p.hangUp()
	}
}

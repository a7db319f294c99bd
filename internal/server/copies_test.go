package server

import (
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// dialAny is a client of a broker of ours or, with -oracle, of a RabbitMQ. What it declares is exclusive.
func dialAny(t *testing.T) *peer {
	t.Helper()
	p := newPeer(t, dialFor(t, newBroker(t).listen()))
	p.login("guest", "guest")
	p.openChannel(1)
	return p
}

// drain gets all there is in a queue.
func (p *peer) drain(queue string) (bodies []string, last amqp.Properties) {
	p.t.Helper()
	for {
		p.send(1, &amqp.BasicGet{Queue: queue, NoAck: true})
		if _, m := p.method(); m.ID() == amqp.BasicGetEmptyID {
			return bodies, last
		}
		props, body := p.content(1)
		bodies, last = append(bodies, body), props
	}
}

// wantIn gets all there is in a queue, and returns the properties of the last.
func (p *peer) wantIn(queue string, bodies ...string) amqp.Properties {
	p.t.Helper()
	got, props := p.drain(queue)
	if !slices.Equal(got, bodies) {
		p.t.Errorf("in %s: %q, want %q", queue, got, bodies)
	}
	return props
}

// CC and BCC name more queues; each gets the message once, and nobody sees BCC.
func TestCopies(t *testing.T) {
	p := dialAny(t)
	defer p.hangUp()
	for _, q := range []string{"pr-to", "pr-cc", "pr-bcc"} {
		p.declare(1, *mine(q))
	}
	headers := amqp.Table{"CC": []any{"pr-cc", "pr-to", int32(5), "pr-nobody"}, "BCC": []any{"pr-bcc", "pr-cc"}, "more": "here"}
	p.publish(1, amqp.BasicPublish{RoutingKey: "pr-to"}, amqp.Properties{Headers: headers, MessageID: "1"}, "m")
	for _, q := range []string{"pr-to", "pr-cc", "pr-bcc"} {
		props := p.wantIn(q, "m")
		_, hidden := props.Headers["BCC"]
		if cc, _ := props.Headers["CC"].([]any); len(cc) != 4 || hidden || props.Headers["more"] != "here" || props.MessageID != "1" {
			t.Errorf("%s got %+v", q, props)
		}
	}
	// It is not routable by its own key, and yet it is routed.
	p.publish(1, amqp.BasicPublish{RoutingKey: "pr-nobody", Mandatory: true}, amqp.Properties{Headers: amqp.Table{"BCC": []any{"pr-bcc"}}}, "n")
	p.wantIn("pr-bcc", "n")
	p.publish(1, amqp.BasicPublish{RoutingKey: "pr-nobody", Mandatory: true}, amqp.Properties{Headers: amqp.Table{"BCC": []any{"pr-nobody-too"}}}, "o")
	expect[*amqp.BasicReturn](p, 1)
	if props, body := p.content(1); body != "o" || props.Headers["BCC"] != nil {
		t.Errorf("returned %q with %+v", body, props)
	}
	// The same route without headers is another one.
	p.publish(1, amqp.BasicPublish{RoutingKey: "pr-to"}, amqp.Properties{}, "alone")
	p.wantIn("pr-to", "alone")
	p.wantIn("pr-cc")
}

// A dead letter without a key of its own goes where the copies went too; with one, only there, and CC is gone.
func TestDeadCopies(t *testing.T) {
	p := dialAny(t)
	defer p.hangUp()
	dying := amqp.Table{"x-dead-letter-exchange": "amq.direct"}
	p.declare(1, amqp.QueueDeclare{Queue: "pr-dying", Exclusive: true, Arguments: dying})
	p.declare(1, amqp.QueueDeclare{Queue: "pr-keyed", Exclusive: true,
		Arguments: amqp.Table{"x-dead-letter-exchange": "amq.direct", "x-dead-letter-routing-key": "pr-k"}})
	for q, key := range map[string]string{"pr-d1": "pr-dying", "pr-d2": "pr-cc", "pr-d3": "pr-bcc", "pr-d4": "pr-k", "pr-d5": "pr-keyed"} {
		p.declare(1, *mine(q))
		p.send(1, &amqp.QueueBind{Queue: q, Exchange: "amq.direct", RoutingKey: key})
		expect[*amqp.QueueBindOk](p, 1)
	}
	reject := func(queue string) {
		p.publish(1, amqp.BasicPublish{RoutingKey: queue}, amqp.Properties{Headers: amqp.Table{"CC": []any{"pr-cc"}, "BCC": []any{"pr-bcc"}}}, queue)
		p.send(1, &amqp.BasicGet{Queue: queue})
		tag := expect[*amqp.BasicGetOk](p, 1).DeliveryTag
		p.content(1)
		p.send(1, &amqp.BasicReject{DeliveryTag: tag})
	}
	reject("pr-dying")
	for _, q := range []string{"pr-d1", "pr-d2", "pr-d3"} {
		props := p.wantEventually(q, "pr-dying")
		death := props.Headers["x-death"].([]any)[0].(amqp.Table)
		keys := death["routing-keys"].([]any)
		if !slices.Equal(keys, []any{"pr-dying", "pr-cc"}) || props.Headers["CC"] == nil {
			t.Errorf("%s: %+v", q, props.Headers)
		}
	}
	reject("pr-keyed")
	if props := p.wantEventually("pr-d4", "pr-keyed"); props.Headers["CC"] != nil {
		t.Errorf("%+v", props.Headers)
	}
	for _, q := range []string{"pr-d1", "pr-d2", "pr-d3", "pr-d5"} {
		p.wantIn(q)
	}
}

// wantEventually waits for one message that another queue passes on.
func (p *peer) wantEventually(queue, body string) amqp.Properties {
	p.t.Helper()
	p.consume(1, amqp.BasicConsume{Queue: queue, NoAck: true})
	expect[*amqp.BasicDeliver](p, 1)
	props, got := p.content(1)
	if got != body {
		p.t.Errorf("from %s: %q, want %q", queue, got, body)
	}
	return props
}

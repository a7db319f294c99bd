package postrider

import (
	"fmt"
	"slices"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// A TopicOption changes one [Node.Topic]: how one subscribes to it.
type TopicOption func(*topicOptions)

type topicOptions struct {
	kept     bool
	durable  string // what it is kept by
	patterns []string
}

// Durable gives the subscription a name under which the broker keeps it: what is published while nobody receives
// waits, in the mailbox <topic>.<name>. Nodes that use one name share one copy of each message between them. So do topics whose names make one
// mailbox: eu.dax of prices, and dax of prices.eu.
func Durable(name string) TopicOption {
	return func(o *topicOptions) { o.kept, o.durable = true, name }
}

// Matching subscribes only to messages whose [Key] matches one of the patterns: words with dots between them, of which *
// stands for any one and # for any number. "eu.*" matches eu.dax. A durable subscription keeps
// the patterns that it once had beside new ones.
func Matching(patterns ...string) TopicOption {
	return func(o *topicOptions) { o.patterns = append(o.patterns, patterns...) }
}

// Topic is a target of which everyone who subscribes gets a copy. To subscribe is to receive from it, with [Node.Handle] or
// [Node.Messages]; each of these calls is a subscription of its own, which begins before Handle returns and ends with the
// handling. What is published while a node is not connected passes it by, unless the subscription is [Durable]. So does what is published after somebody has
// deleted the topic's exchange on the broker, until the node has bound its subscriptions again, within about ten seconds.
//
// A Send to a topic returns when the broker has put the message into each subscription, which may be none. A Call waits for
// the first answer. It fails with [ErrNoSuchTarget] when there is no subscription, and so does what is sent [Until] it is [Handled].
//
// What a handler fails upon is tried again as in a mailbox: on the broker when the subscription is durable, else held in this
// node meanwhile. Dead letters are in <topic>.<name>.dead and <topic>.dead.
//
// The broker knows the topic as an exchange of that name, a topic exchange unless one is there already, and a message's
// Key as its routing key; so the routing key of what another program publishes there is its Key.
func (n *Node) Topic(name string, opts ...TopicOption) *Target {
	var o topicOptions
	applyAll(&o, opts)
	if len(o.patterns) == 0 {
		o.patterns = []string{"#"}
	}
	key := targetKey{"topic", name, fmt.Sprintf("%t %q %q", o.kept, o.durable, o.patterns)}
	return n.target(key, func(t *Target) {
		t.name, t.grade, t.takes, t.box, t.topic = name, Stored, true, name, true
		if t.why = o.check(name); t.why != nil {
			return
		}
		if o.kept {
			t.box = name + "." + o.durable
		}
		t.holds, t.copies = !o.kept, !o.kept
		x := &client.Exchange{Name: name, Kind: "topic"}
		subscription := func() *client.Queue { return o.subscription(t.box, x) }
		t.way = n.wayToAll(t, x, subscription, keptForTopic+name)
	})
}

func (o *topicOptions) check(name string) error {
	if err := checkName("the topic's name", name); err != nil {
		return err
	}
	if o.kept {
		if err := checkName("the subscription's name", o.durable); err != nil {
			return err
		}
		if err := checkName("the name of the subscription's mailbox", name+"."+o.durable); err != nil {
			return err
		}
	}
	for _, p := range o.patterns {
		if len(p) > client.MaxID {
			return fmt.Errorf("the pattern %.20q… is %d bytes long, %d are allowed", p, len(p), client.MaxID)
		}
	}
	return nil
}

// subscription is the queue of one that receives.
func (o *topicOptions) subscription(box string, x *client.Exchange) *client.Queue {
	q := &client.Queue{Name: box, Own: true}
	if o.kept {
		q = client.Mailbox(box)
	}
	q.From, q.Keys = x, slices.Clone(o.patterns)
	return q
}

// keyed writes the routing key into a message that another program has published to a topic: from here on it has its Key like any other, also where it
// is tried again. A sealed one is as it was sealed, and headers without room for it stay as they are.
func keyed(props amqp.RawProperties, key string) amqp.RawProperties {
	if key == "" {
		return props
	}
	v, err := props.View()
	if err != nil || string(v.ContentType) == typeSealed {
		return props
	}
	if _, has, err := amqp.LookupTable(v.Headers, headerKey); has || err != nil && v.Headers != nil {
		return props
	}
	var p amqp.Properties
	if err := p.ParseRaw(props, nil); err != nil {
		return props
	}
	p.Headers = amqp.Table{headerKey: key}
	with, err := p.Append(nil)
	if err != nil {
		return props
	}
	if _, err := amqp.CheckTable(rawHeaders(with)); err != nil {
		return props
	}
	return with
}

package session

import "github.com/postrider-mq/postrider/amqp"

// Peer is what the other side of a connection said of itself when it began.
type Peer struct {
	Properties amqp.Table // read only
}

// Has tells whether the peer has a capability, such as "basic.nack".
func (p Peer) Has(capability string) bool {
	all, _ := p.Properties["capabilities"].(amqp.Table)
	has, _ := all[capability].(bool)
	return has
}

// Text returns a property that is a string, such as "product" or
// "connection_name"; "" when it is not there.
func (p Peer) Text(property string) string {
	s, _ := p.Properties[property].(string)
	return s
}

// MaxMessage is how large the body of a message may be that the peer takes, in bytes; 0 when it does not say, as RabbitMQ does not.
func (p Peer) MaxMessage() uint64 {
	n, _ := amqp.Integer(p.Properties[maxMessage])
	return uint64(max(n, 0))
}

// maxMessage is the property of a server that says it.
const maxMessage = "postrider_max_message"

// serverCapabilities lists what the broker behind a Server does, no more.
var serverCapabilities = []string{
	"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
	"connection.blocked", "consumer_priorities", "per_consumer_qos", "direct_reply_to", "authentication_failure_close",
}

// clientCapabilities lists what a Client copes with.
var clientCapabilities = []string{
	"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
	"connection.blocked", "authentication_failure_close",
}

// introduce returns the properties with the capabilities added.
func introduce(properties amqp.Table, capabilities []string) amqp.Table {
	all := make(amqp.Table, len(capabilities))
	for _, name := range capabilities {
		all[name] = true
	}
	t := make(amqp.Table, len(properties)+1)
	for k, v := range properties {
		t[k] = v
	}
	t["capabilities"] = all
	return t
}

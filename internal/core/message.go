package core

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/queue"
)

// Message is one message on its way through the broker. It is fixed once it
// was published.
type Message struct {
	*Address
	Props amqp.RawProperties
	Body  []byte

	rare *rare // nil of nearly all
}

// Address is where a message was published to: one for many messages, which are there in millions.
type Address struct{ Exchange, Key string }

// NewMessage makes a message with an address of its own.
func NewMessage(exchange, key string, props amqp.RawProperties, body []byte) *Message {
	m := &struct {
		Message
		Address
	}{Message{Props: props, Body: body}, Address{exchange, key}}
	m.Message.Address = &m.Address
	return &m.Message
}

// rare is what few messages have.
type rare struct {
	whole amqp.RawProperties // Props and the BCC, which nobody sees; nil where there is none
	away  uint32             // not 0: this is the shell of a message that is paged out, whose body has one byte less
	extra int                // messages that are in this one beside the first, see SetMessages
}

// SetMessages says that the message is a pack of n, which a bound of its queue minds: see [VHost.Bound].
func (m *Message) SetMessages(n int) {
	if n > 1 {
		m.rare = &rare{extra: n - 1}
	}
}

// Messages is how many that was said to be; 1 of others.
func (m *Message) Messages() int { return 1 + m.extra() }

// extra is how many messages are in it beside the first.
func (m *Message) extra() int {
	if m.rare == nil {
		return 0
	}
	return m.rare.extra
}

// isAway says whether this is the shell of a message that is paged out.
func (m *Message) isAway() bool { return m.rare != nil && m.rare.away > 0 }

// Persistent says whether the publisher asked for the disk.
func (m *Message) Persistent() bool { return m.Props.DeliveryMode() == 2 }

// expires says whether its publisher set an expiration.
func (m *Message) expires() bool {
	return len(m.Props) > 0 && (uint16(m.Props[0])<<8)&amqp.FlagExpiration != 0
}

// ranked says whether its publisher set a priority.
func (m *Message) ranked() bool {
	return len(m.Props) > 0 && (uint16(m.Props[0])<<8)&amqp.FlagPriority != 0
}

// priority is 0 where the publisher set none.
func (m *Message) priority() uint8 {
	if !m.ranked() {
		return 0
	}
	view, err := m.Props.View()
	if err != nil {
		return 0
	}
	return view.Priority
}

// ttl is how long the publisher lets it wait.
func (m *Message) ttl() (bound queue.Bound) {
	if !m.expires() {
		return bound
	}
	ms, ok := m.Props.Expiration()
	if !ok || ms < 0 { // who published was told, where it was not checked before
		return bound
	}
	return queue.AtMost(min(ms, maxExpiration) * millisecond)
}

// Size is what the message weighs in memory, in bytes.
func (m *Message) Size() int { return len(m.Body) + len(m.Props) + len(m.Key) }

// overhead is what a message costs in memory beside its bytes.
const overhead = 160

// weight is what it costs in memory in all.
func (m *Message) weight() int64 { return int64(m.Size() + overhead) }

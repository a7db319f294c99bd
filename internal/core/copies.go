package core

import (
	"bytes"

	"github.com/postrider-mq/postrider/amqp"
)

// The headers in which a publisher names more routing keys. Who gets the message
// sees those of CC; BCC is taken out.
const (
	headerCC  = "CC"
	headerBCC = "BCC"
)

// copies returns the keys that stand in CC and BCC, which both contain the letters CC. It hides
// BCC. Errors: 406 when a header is no list.
func (m *Message) copies() ([]string, error) {
	view, err := m.Props.View()
	if err != nil || !bytes.Contains(view.Headers, []byte(headerCC)) {
		return nil, err
	}
	cc, _, err := keysIn(view.Headers, headerCC)
	if err != nil {
		return nil, err
	}
	bcc, hidden, err := keysIn(view.Headers, headerBCC)
	if err != nil || !hidden {
		return cc, err
	}
	return append(cc, bcc...), m.hide()
}

// keysIn reads a header that is a list of keys; what is no text in it is passed over.
func keysIn(headers []byte, name string) (keys []string, there bool, err error) {
	v, there, err := amqp.LookupTable(headers, name)
	if err != nil || !there {
		return nil, there, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, true, amqp.Errorf(amqp.PreconditionFailed,
			"invalid message: {unacceptable_type_in_header,\"%s\",%s}", name, amqp.TypeName(v))
	}
	return textsOf(list), true, nil
}

func textsOf(list []any) (texts []string) {
	for _, x := range list {
		if text, ok := x.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// written are the properties as the journal has them, with BCC: a dead letter, and what a delayed exchange lets go, goes to
// its keys, too, also after a restart.
func (m *Message) written() amqp.RawProperties {
	if m.rare != nil && m.rare.whole != nil {
		return m.rare.whole
	}
	return m.Props
}

// properties are those that are written, to be changed.
func (m *Message) properties() (*amqp.Properties, error) {
	p := &amqp.Properties{}
	return p, p.Parse(m.written(), nil)
}

// hide takes BCC out of what is seen of the message, if it is there.
func (m *Message) hide() error {
	if !m.hasHeaders() {
		return nil
	}
	view, err := m.Props.View()
	if err != nil || !bytes.Contains(view.Headers, []byte(headerBCC)) {
		return err
	}
	p, err := m.properties()
	if err != nil {
		return err
	}
	if _, there := p.Headers[headerBCC]; !there {
		return nil
	}
	delete(p.Headers, headerBCC)
	props, err := p.Append(nil)
	if err == nil {
		m.rare, m.Props = &rare{whole: m.Props}, props
	}
	return err
}

// hasHeaders says whether the publisher set any.
func (m *Message) hasHeaders() bool {
	return len(m.Props) > 0 && (uint16(m.Props[0])<<8)&amqp.FlagHeaders != 0
}

// also are the keys beside the first that the broker routes a message of its own by.
func (m *Message) also() []string {
	view, err := m.written().View()
	if err != nil {
		return nil
	}
	return Copies(view.Headers)
}

// Copies are the routing keys that headers name in CC and BCC.
func Copies(headers []byte) []string {
	if !bytes.Contains(headers, []byte(headerCC)) {
		return nil
	}
	cc, _, _ := keysIn(headers, headerCC)
	bcc, _, _ := keysIn(headers, headerBCC)
	return append(cc, bcc...)
}

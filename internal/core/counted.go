package core

import "github.com/postrider-mq/postrider/amqp"

// headerDeliveryCount tells how often the message came back before. A consumer finds it
// from the second time on, who gets it always.
const headerDeliveryCount = "x-delivery-count"

// counted is m with its number of deliveries in the headers.
func (m *Message) counted(deliveries uint32) *Message {
	p := &amqp.Properties{}
	if p.Parse(m.Props, nil) != nil {
		return m
	}
	if p.Headers == nil {
		p.Headers = amqp.Table{}
	}
	p.Headers[headerDeliveryCount] = int64(deliveries)
	props, err := p.Append(nil)
	if err != nil { // no room in the headers
		return m
	}
	c := *m
	c.Props = props
	return &c
}

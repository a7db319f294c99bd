package postrider

import "github.com/postrider-mq/postrider/amqp"

// Content types of the bodies this package makes.
const (
	TypeBytes = "application/octet-stream"
	TypeText  = "text/plain; charset=utf-8"
	TypeJSON  = "application/json"

	typeError = "application/vnd.postrider.error+json" // the body is a RemoteError
)

// A style is what two messages to one target may differ in, beside id and body.
type style uint8

const (
	styleBytes style = iota
	styleText
	styleJSON
	styleError
	styleSealed
	formats = 5

	styleTransient style = formats
	styles               = 2 * formats
)

func (s style) contentType() string {
	return [formats]string{TypeBytes, TypeText, TypeJSON, typeError, typeSealed}[s%formats]
}

func (s style) deliveryMode() uint8 {
	if s >= styleTransient {
		return amqp.Transient
	}
	return amqp.Persistent
}

package route

import (
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
)

// A Letter is what exchanges look at of a message. It may be used for one message after another.
type Letter struct {
	Key   string
	Also  []string // more keys, those of CC and BCC: whatever looks at Key looks at each of these too
	Props amqp.RawProperties

	// Headers are those in Props. Nil until an exchange asks for all of them, unless they were known before.
	Headers amqp.Table

	// Opened is set when the way depends on more than the exchange and the keys.
	Opened bool
}

// headers decodes all headers, once.
func (l *Letter) headers() amqp.Table {
	l.Opened = true
	if l.Headers != nil {
		return l.Headers
	}
	if view, err := l.Props.View(); err == nil && len(view.Headers) > 0 {
		_, l.Headers, _ = amqp.ParseTable(view.Headers)
	}
	return l.Headers
}

// header decodes one header; nil when it is not there.
func (l *Letter) header(name string) any {
	l.Opened = true
	if l.Headers != nil {
		return l.Headers[name]
	}
	view, err := l.Props.View()
	if err != nil || len(view.Headers) == 0 {
		return nil
	}
	v, _, _ := amqp.LookupTable(view.Headers, name)
	return v
}

// property is one of those that a consistent-hash exchange may look at, as text.
func (l *Letter) property(name string) string {
	l.Opened = true
	view, err := l.Props.View()
	switch {
	case err != nil:
	case name == "message_id":
		return string(view.MessageID)
	case name == "correlation_id":
		return string(view.CorrelationID)
	case name == "timestamp" && view.Flags&amqp.FlagTimestamp != 0:
		return fmt.Sprint(view.Timestamp)
	}
	return ""
}

package core

import (
	"sync/atomic"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
)

// Message is one message on its way through the broker. Everything but its
// place in the journal is fixed once it was published.
type Message struct {
	Exchange, Key string
	Props         amqp.RawProperties
	Body          []byte

	// The journal's record of it, and how many queues still need that record.
	// Set before the message is in any queue; only meaningful when journalled.
	lsn       journal.LSN
	journaled bool
	needed    atomic.Int32
}

// Persistent says whether the publisher asked for the disk.
func (m *Message) Persistent() bool { return m.Props.DeliveryMode() == 2 }

// Size is what the message weighs in memory, in bytes.
func (m *Message) Size() int { return len(m.Body) + len(m.Props) + len(m.Key) }

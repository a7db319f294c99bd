package postrider

import (
	"unsafe"

	"github.com/postrider-mq/postrider/amqp"
)

// press makes arrivals into Messages, for one goroutine that receives. What comes together shares allocations; who keeps one
// message keeps a few others with it, so large ones are made alone, as are those that come one by one.
type press struct {
	names amqp.Interner

	from, contentType string // of the last message

	room []Message
	made int    // how many room was made for, the last time
	ids  []byte // room for ids
}

const (
	pressMost  = 16      // Messages that are made together
	pressSmall = 1 << 10 // bytes of one that is made with others
	pressIDs   = 16 << 5 // bytes of ids that are made together
	shortID    = 2 * 32  // bytes of one that is
)

// next returns room for a Message. more says that others wait behind it.
func (p *press) next(size int, more bool) *Message {
	if size > pressSmall {
		return new(Message)
	}
	if len(p.room) == 0 {
		p.made = min(max(1, 2*p.made), pressMost)
		p.room = make([]Message, p.made)
	}
	m := &p.room[0]
	p.room = p.room[1:]
	if !more {
		p.room, p.made = nil, 0
	}
	return m
}

// id is b as a string: of a small message that comes alone it shares the memory, which is never changed; of others it is a copy, so that
// who keeps it does not keep more.
func (p *press) id(b []byte, size int, more bool) string {
	switch {
	case len(b) == 0 || len(b) > shortID || size > pressSmall:
		return string(b)
	case len(p.ids) >= len(b):
	case !more:
		return unsafe.String(&b[0], len(b))
	default:
		p.ids = make([]byte, pressIDs)
	}
	n := copy(p.ids, b)
	id := unsafe.String(&p.ids[0], n) // never written again
	p.ids = p.ids[n:]
	return id
}

// sender and kind are names that mostly are those of the message before.
func (p *press) sender(b []byte) string {
	if string(b) != p.from {
		p.from = p.names.String(b)
	}
	return p.from
}

func (p *press) kind(b []byte) string {
	if string(b) != p.contentType {
		p.contentType = p.names.String(b)
	}
	return p.contentType
}

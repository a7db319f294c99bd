package postrider

import (
	"unsafe"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// press makes arrivals into Messages, for one goroutine that receives. What comes together shares allocations; who keeps one
// message keeps a few others with it, so large ones are made alone, as are those that come one by one.
type press struct {
	names amqp.Interner

	props amqp.RawProperties // of the last message, if it came in a pack
	seen  look               // what those of the last message say

	room []lone
	made int    // how many room was made for, the last time
	ids  []byte // room for ids
}

const (
	pressMost  = 16      // Messages that are made together
	pressSmall = 1 << 10 // bytes of one that is made with others
	pressIDs   = 16 << 5 // bytes of ids that are made together
	shortID    = 2 * 32  // bytes of one that is
)

// lone is a Message with an origin of its own.
type lone struct {
	Message
	of origin
}

func (l *lone) message() *Message {
	l.origin = &l.of
	return &l.Message
}

// next returns room for a Message. more says that others wait behind it.
func (p *press) next(size int, more bool) *Message {
	if size > pressSmall {
		return new(lone).message()
	}
	if len(p.room) == 0 {
		p.made = min(max(1, 2*p.made), pressMost)
		p.room = make([]lone, p.made)
	}
	l := &p.room[0]
	p.room = p.room[1:]
	if !more {
		p.room, p.made = nil, 0
	}
	return l.message()
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

// named is id for a message of a pack, whose counted names have that prefix.
func (p *press) named(name pack.Name, prefix string) string {
	if !name.Counted() {
		return p.id(name[1:], 0, true)
	}
	var room [maxGeneratedID]byte
	return p.id(name.AppendTo(room[:0], prefix), 0, true)
}

// spelling writes out the ids of one pack, one behind the other, into memory that they share.
type spelling struct {
	prefix string // of counted ones
	room   []byte
	last   string // "" unless it is counted
	count  uint64 // of last
}

// next returns the id of the first of n messages that are left. It follows the last one if it is the next count, and the last digit alone differs.
func (s *spelling) next(name pack.Name, n int) (id string, follows bool) {
	size := len(name) - 1
	if name.Counted() {
		size = len(s.prefix) + maxCount
	}
	if size > shortID {
		s.last = ""
		return string(name.AppendTo(nil, s.prefix)), false
	}
	if cap(s.room)-len(s.room) < size {
		s.room = make([]byte, 0, n*size)
	}
	at := len(s.room)
	if follows = s.last != "" && name.Counted() && name.Count() == s.count+1 && name.Count()%pack.Base != 0; follows {
		end := len(s.last) - 1
		s.room = append(append(s.room, s.last[:end]...), pack.NextDigit(s.last[end]))
	} else {
		s.room = name.AppendTo(s.room, s.prefix)
	}
	id = unsafe.String(&s.room[at], len(s.room)-at) // never written again
	s.last = ""
	if name.Counted() {
		s.last, s.count = id, name.Count()
	}
	return id, follows
}

// look is what properties say to a receiver.
type look struct {
	from, contentType string
	wanted            bool // a reply is
	receipt           bool // its sender wants to be told when it was handled
	headed            bool // there are headers
	again             bool // it was given to a handler before, that failed; or to this node before, see headerAgain
}

// look looks at an arrival's properties, and finds its id, unless it is of a pack. Those of what came in one pack are the same bytes, and names mostly are those of the
// message before.
func (p *press) look(a *arrival) (l *look, id []byte) {
	l = &p.seen // good until the next call
	packed := a.id != nil || a.pack != nil
	if packed && len(a.props) == len(p.props) && &a.props[0] == &p.props[0] {
		return l, nil
	}
	p.props = nil
	v, err := a.props.View()
	if err != nil {
		*l = look{}
		return l, nil
	}
	*l = look{
		from: p.name(v.AppID, l.from), contentType: p.name(v.ContentType, l.contentType),
		wanted: len(v.ReplyTo) > 0, headed: len(v.Headers) > 0,
	}
	if l.headed {
		l.receipt = l.wanted && flag(v.Headers, headerReceipt)
		l.wanted = l.wanted && !l.receipt
		l.again = number(v.Headers, headerTries) > 0 || flag(v.Headers, headerAgain)
	}
	if !packed {
		return l, v.MessageID
	}
	p.props = a.props
	return l, nil
}

func (p *press) name(b []byte, last string) string {
	if string(b) == last {
		return last
	}
	return p.names.String(b)
}

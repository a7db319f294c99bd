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
	last counted
}

// counted is a counted id that was written out: the next one mostly differs from it in the last digit alone.
type counted struct {
	prefix string
	count  uint64
	id     string
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
	if len(prefix) > shortID {
		return string(name.AppendTo(nil, prefix))
	}
	if len(p.ids) < len(prefix)+maxCount {
		p.ids = make([]byte, pressIDs)
	}
	n := 0
	if last := &p.last; last.before(name.Count(), prefix) {
		n = copy(p.ids, last.id)
		p.ids[n-1] = pack.NextDigit(last.id[n-1])
	} else {
		n = len(name.AppendTo(p.ids[:0], prefix))
	}
	id := unsafe.String(&p.ids[0], n) // never written again
	p.ids = p.ids[n:]
	p.last = counted{prefix, name.Count(), id}
	return id
}

// before reports whether c is the one before count, and differs from it in the last digit alone.
func (c *counted) before(count uint64, prefix string) bool {
	return count == c.count+1 && count%pack.Base != 0 && prefix == c.prefix && c.id != ""
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

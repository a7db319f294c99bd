package session

import (
	"slices"

	"github.com/postrider-mq/postrider/amqp"
)

// Content is a message's properties and body. One buffer holds both; it
// belongs to whoever received the event.
type Content struct {
	Props amqp.RawProperties
	Body  []byte
}

// assembly puts together the content that follows one method on one channel:
//
//	idle ──begin──► header ──header──► body ──body──► idle
//	                  │                                ▲
//	                  └──────── an empty body ─────────┘
type assembly struct {
	stage  stage
	method amqp.Method // whose content it is
	buf    []byte      // properties, then as much of the body as arrived
	props  int         // how much of buf is properties
	apart  []byte      // the properties, where buf has none
	whole  uint64      // what len(buf) will be
	head   []byte      // the properties of a large one of which no byte of the body has come; used again
}

type stage uint8

const (
	idle stage = iota
	wantHeader
	wantBody
)

// A promise of bytes costs the peer nothing, so a large body gets memory as it arrives: at first exactBody, and then up to growth times as much
// as there is of it. Mostly that is all at once, for each time that it moves costs memory that is new to the process, and a copy.
const (
	exactBody = 64 << 10
	growth    = 8
)

// A body from this size on gets no memory before some of it is there: mostly that is all of it, and then memory need not be cleared.
const notCleared = 1 << 10

func (a *assembly) begin(m amqp.Method) {
	a.stage, a.method = wantHeader, m
}

// headerParser is amqp.ParseHeader or amqp.SplitHeader.
type headerParser func([]byte) (class uint16, bodySize uint64, props amqp.RawProperties, err error)

// reset forgets a content that will not be finished.
func (a *assembly) reset() { *a = assembly{} }

// header takes the content header, which parse takes apart; done tells that the content has no body. The properties go to heads, if that is not nil.
func (a *assembly) header(payload []byte, parse headerParser, maxMessage uint64, memory *slab, heads *[]byte) (done bool, err error) {
	switch a.stage {
	case idle:
		return false, errUnannounced()
	case wantBody:
		return false, a.errNoBody()
	}
	class, size, props, err := parse(payload)
	if err != nil {
		return false, err
	}
	if want := a.method.ID().Class(); class != want {
		return false, a.unexpected("expected content header for class %d, got one for class %d instead", want, class)
	}
	if size > maxMessage {
		return false, a.tooLarge(size, maxMessage)
	}
	a.stage, a.apart = wantBody, nil
	if heads != nil {
		began := len(*heads)
		*heads = append(*heads, props...)
		a.apart, props = (*heads)[began:len(*heads):len(*heads)], nil
	}
	a.props, a.whole = len(props), uint64(len(props))+size
	if size >= notCleared {
		a.head = append(a.head[:0], props...)
		return false, nil
	}
	a.buf = append(memory.take(len(props)+int(size)), props...)
	return a.finish(), nil
}

// body takes a piece of the body; done tells that it was the last.
func (a *assembly) body(payload []byte) (done bool, err error) {
	switch a.stage {
	case idle:
		return false, errUnannounced()
	case wantHeader:
		return false, a.errNoHeader()
	}
	if a.buf == nil {
		return a.firstOf(payload)
	}
	need := uint64(len(a.buf)) + uint64(len(payload))
	if need > a.whole {
		return false, a.overrun(need)
	}
	if need > uint64(cap(a.buf)) {
		a.buf = append(a.room(need), a.buf...)
	}
	a.buf = append(a.buf, payload...)
	return a.finish(), nil
}

// firstOf is body for the first piece of a large one.
func (a *assembly) firstOf(payload []byte) (done bool, err error) {
	need := uint64(a.props) + uint64(len(payload))
	switch {
	case need > a.whole:
		return false, a.overrun(need)
	case need == a.whole && len(a.head) <= len(payload): // or append makes too much room
		a.buf = append(slices.Clip(a.head), payload...) // which clears only what is left behind it
	default:
		a.buf = append(append(a.room(need), a.head...), payload...)
	}
	if cap(a.head) > notCleared {
		a.head = nil
	}
	return a.finish(), nil
}

// room returns a buffer for a content of which need bytes are there.
func (a *assembly) room(need uint64) []byte {
	return make([]byte, 0, min(a.whole, exactBody+growth*need))
}

// finish tells whether the content is whole, and if so waits for the next one.
func (a *assembly) finish() bool {
	if uint64(len(a.buf)) < a.whole {
		return false
	}
	a.stage = idle
	return true
}

// take hands over the content that is whole.
func (a *assembly) take() Content {
	c := Content{Props: amqp.RawProperties(a.buf[:a.props:a.props]), Body: a.buf[a.props:]}
	if a.apart != nil {
		c.Props = a.apart
	}
	a.buf, a.apart = nil, nil
	return c
}

// interrupted is the error of a method frame in the middle of a content.
func (a *assembly) interrupted() error {
	if a.stage == wantHeader {
		return a.errNoHeader()
	}
	return a.errNoBody()
}

func (a *assembly) errNoHeader() error {
	return a.unexpected("expected content header for class %d, got non content header frame instead",
		a.method.ID().Class())
}

func (a *assembly) errNoBody() error {
	return a.unexpected("expected content body, got non content body frame instead")
}

func (a *assembly) unexpected(format string, args ...any) error {
	return a.blame(amqp.Errorf(amqp.UnexpectedFrame, format, args...))
}

func (a *assembly) overrun(need uint64) error {
	return a.blame(amqp.Errorf(amqp.FrameError, "content body of %d bytes overruns the %d announced in its header",
		need-uint64(a.props), a.whole-uint64(a.props)))
}

func (a *assembly) tooLarge(size, limit uint64) error {
	return a.blame(amqp.Errorf(amqp.PreconditionFailed,
		"message size %d is larger than configured max size %d", size, limit))
}

func (a *assembly) blame(err *amqp.Error) error {
	err.Method = a.method.ID()
	return err
}

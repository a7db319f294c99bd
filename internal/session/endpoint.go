package session

import (
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// endpoint is what both sides of a connection have in common. Its state, and
// all state of the package, is owned by whoever calls Receive; calls from other
// goroutines need that owner's lock.
type endpoint struct {
	state      state
	channels   channels
	frameMax   uint32 // of the bytes of a frame, either way
	heartbeat  uint16
	maxMessage uint64
	peer       Peer
	header     headerParser

	in      amqp.Interner
	out     []byte  // what Event.Reply shows
	content Content // what Event.Content shows, dropped at the next frame
	slab    slab    // where contents lie
	brief   uint16  // the channel whose properties lie elsewhere, until Rest; 0: there is none
	heads   []byte  // there
	half    bool    // some of them are needed yet: their content is not whole

	// Methods without content that come as often as messages, parsed in place.
	ack    amqp.BasicAck
	nack   amqp.BasicNack
	reject amqp.BasicReject
	get    amqp.BasicGet
}

// state is where a connection stands. The names are those that peers know from
// RabbitMQ's error texts.
type state uint8

const (
	greeting  state = iota // the protocol header has not passed yet
	starting               // server: start-ok is due; client: start is
	verifying              // the shell looks at the credentials
	tuning                 // tune-ok or tune is due
	opening                // open or open-ok is due
	entering               // the shell looks at the virtual host
	running
	closing // close was sent; everything but close and close-ok is discarded
	closed
)

var stateNames = [...]string{
	"pre_init", "starting", "starting", "tuning", "opening", "opening", "running", "closing", "closed",
}

func (s state) String() string { return stateNames[s] }

// Recognise has names that are known not be copied: see amqp.Interner.
func (e *endpoint) Recognise(known func(name []byte) (string, bool)) { e.in.Known = known }

// FrameMax is the size that no frame may exceed, its eight bytes of overhead
// included: what to pass to amqp.AppendBodyFrames, and for a client to
// amqp.ParseFrame. It changes when the connection is tuned.
func (e *endpoint) FrameMax() uint32 { return e.frameMax }

// ChannelMax is the highest channel number.
func (e *endpoint) ChannelMax() uint16 { return e.channels.max }

// Heartbeat is the negotiated interval in seconds; 0 means none.
func (e *endpoint) Heartbeat() uint16 { return e.heartbeat }

// Peer is what the other side said of itself.
func (e *endpoint) Peer() Peer { return e.peer }

// Ready tells whether the connection is open: not before the handshake ended,
// nor once either side asked to close it.
func (e *endpoint) Ready() bool { return e.state == running }

// Closed tells that the connection is over and nothing more is to be received:
// hang up once what was returned is sent.
func (e *endpoint) Closed() bool { return e.state == closed }

// Closing says whether one side has asked to close the connection, or it is closed.
func (e *endpoint) Closing() bool { return e.state >= closing }

// ChannelOpen tells whether methods may be sent on channel n. It is false from
// the moment either side closed the channel or the connection.
func (e *endpoint) ChannelOpen(n uint16) bool {
	ch := e.channels.at(n)
	return e.state == running && ch != nil && ch.state == channelOpen
}

// Begun is the memory for bodies that are not whole yet, in bytes.
func (e *endpoint) Begun() (n uint64) {
	for _, ch := range e.channels.list {
		if ch != nil {
			n += uint64(max(0, cap(ch.assembly.buf)-ch.assembly.props))
		}
	}
	return n
}

// Fail closes what err is to close: channel n when err's code closes channels,
// the connection otherwise or when n is 0. It returns the close to send; nil
// when there is nothing to say, because the channel or the connection is gone
// or being closed already. Release everything of it before sending.
func (e *endpoint) Fail(n uint16, err *amqp.Error) (reply []byte) {
	e.out = e.out[:0]
	switch {
	case e.state >= closing:
	case e.state == greeting:
		e.state = closed
	case n != 0 && err.Scope() == amqp.ScopeChannel:
		e.failChannel(n, err)
	default:
		e.failConnection(err)
	}
	return e.out
}

func (e *endpoint) failChannel(n uint16, err *amqp.Error) {
	ch := e.channels.at(n)
	if ch == nil || ch.state == channelClosing {
		return
	}
	ch.state = channelClosing
	ch.assembly.reset()
	e.send(n, &amqp.ChannelClose{
		ReplyCode: err.Code, ReplyText: err.ReplyText(),
		ClassID: err.Method.Class(), MethodID: err.Method.Method(),
	})
}

func (e *endpoint) failConnection(err *amqp.Error) {
	e.state = closing
	e.dropChannels()
	e.send(0, &amqp.ConnectionClose{
		ReplyCode: err.Code, ReplyText: err.ReplyText(),
		ClassID: err.Method.Class(), MethodID: err.Method.Method(),
	})
}

func (e *endpoint) dropChannels() { e.channels = channels{max: e.channels.max} }

// begin forgets what the last call showed.
func (e *endpoint) begin() {
	e.out = e.out[:0]
	if e.content.Props != nil || e.content.Body != nil {
		e.content = Content{}
	}
}

// Rest follows the last frame of a burst: what comes later shares no memory with what came.
func (e *endpoint) Rest() {
	e.slab.rest()
	if e.heads = e.heads[:0]; e.half || cap(e.heads) > keepHeads {
		e.heads = nil
	}
}

// keepHeads is the largest buffer for properties that is kept, in bytes.
const keepHeads = 16 << 10

// send appends a method to the reply. On error nothing is appended, and only a
// method with text from outside can be in error.
func (e *endpoint) send(n uint16, m amqp.Method) error {
	out, err := m.AppendFrame(e.out, n)
	e.out = out
	return err
}

// onConnection handles a frame on channel 0. Methods other than close are for own, the side's.
func (e *endpoint) onConnection(f amqp.Frame, own func(id amqp.MethodID, args []byte) (Event, error)) (Event, error) {
	switch {
	case f.Type == amqp.FrameHeartbeat:
		return Event{Kind: Heartbeat}, nil
	case e.state >= closing:
		return e.ended(f), nil
	case f.Type != amqp.FrameMethod:
		return Event{}, unexpectedFrame(f)
	}
	id, args, err := amqp.PeekMethod(f.Payload)
	switch {
	case err != nil:
		return Event{}, err
	case id == amqp.ConnectionCloseID && e.state != greeting:
		return e.hungUp(args)
	}
	return own(id, args)
}

// ended handles channel 0 once close was sent or the end was reached.
//
// "After sending this method, any received methods except Close and Close-OK
// MUST be discarded." A close that crossed ours is answered, and ours is still
// to be answered.
func (e *endpoint) ended(f amqp.Frame) Event {
	id, _, err := amqp.PeekMethod(f.Payload)
	if e.state == closed || f.Type != amqp.FrameMethod || err != nil {
		return Event{}
	}
	switch id {
	case amqp.ConnectionCloseID:
		e.send(0, &amqp.ConnectionCloseOk{})
		return Event{Reply: e.out}
	case amqp.ConnectionCloseOkID:
		e.state = closed
		return Event{Kind: Closed}
	}
	return Event{}
}

// hungUp handles the peer's connection.close.
func (e *endpoint) hungUp(args []byte) (Event, error) {
	var m amqp.ConnectionClose
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	e.state = closed
	e.dropChannels()
	e.send(0, &amqp.ConnectionCloseOk{})
	return Event{Kind: Closed, Reply: e.out, Err: reason(m.ReplyCode, m.ReplyText, m.ClassID, m.MethodID)}, nil
}

// drained handles a frame for a channel that was closed from here: it is
// discarded, unless it says that the number is free again.
func (e *endpoint) drained(n uint16, f amqp.Frame) (event Event, freed bool) {
	id, _, err := amqp.PeekMethod(f.Payload)
	if f.Type != amqp.FrameMethod || err != nil {
		return Event{}, false
	}
	switch id {
	case amqp.ChannelCloseID:
		e.send(n, &amqp.ChannelCloseOk{})
		return Event{Channel: n, Reply: e.out}, false
	case amqp.ChannelCloseOkID:
		e.channels.free(n)
		return Event{Channel: n}, true
	}
	return Event{}, false
}

// channelLeft handles the peer's channel.close.
func (e *endpoint) channelLeft(n uint16, args []byte) (Event, error) {
	var m amqp.ChannelClose
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	e.channels.free(n)
	e.send(n, &amqp.ChannelCloseOk{})
	return Event{
		Kind: ChannelClosed, Channel: n, Reply: e.out,
		Err: reason(m.ReplyCode, m.ReplyText, m.ClassID, m.MethodID),
	}, nil
}

// receiveContent feeds a header or body frame to its channel. When the content
// is whole, it is in e.content.
func (e *endpoint) receiveContent(ch *channel, f amqp.Frame) (whole bool, err error) {
	brief := f.Channel == e.brief && e.brief != 0
	switch f.Type {
	case amqp.FrameHeader:
		var heads *[]byte
		if brief {
			heads = &e.heads
		}
		whole, err = ch.assembly.header(f.Payload, e.header, e.maxMessage, &e.slab, heads)
	case amqp.FrameBody:
		whole, err = ch.assembly.body(f.Payload)
	default:
		err = unexpectedFrame(f)
	}
	if whole {
		e.content = ch.assembly.take()
	}
	if brief {
		e.half = !whole
	}
	return whole, err
}

// reason is what a close method says; nil when it says that all is well. A few
// clients send 0 for that.
func reason(code uint16, text string, class, method uint16) *amqp.Error {
	if code == amqp.ReplySuccess || code == 0 {
		return nil
	}
	return &amqp.Error{
		Code:   code,
		Text:   strings.TrimPrefix(text, amqp.CodeName(code)+" - "),
		Method: amqp.MethodID(class)<<16 | amqp.MethodID(method),
	}
}

package client

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// publishChannel is the channel that all publishes of a connection use.
const publishChannel = 1

// Envelope is everything of a publish but its message-id and its body, encoded
// once for many messages. It is immutable.
//
//	method frame | header frame: sizes, flags, before, message-id, after | body frames
type Envelope struct {
	method        []byte
	flags         uint16
	before, after []byte // the properties on either side of the message-id

	// Of a call, whose correlation-id is its message-id: the properties between the two. before ends in front of the first.
	correlated bool
	between    []byte
	called     string // or what it is answered under, in place of its message-id

	packing *packing      // nil: each goes alone
	expires time.Duration // 0: never; else before ends in what is left of it
	keep    string        // what the Keeper calls its target; empty: it is not kept
}

// Expiring is the envelope of messages that expire so long after they were published here, wherever they are by then. At most
// [MaxExpiry]; what the properties said about it does not count.
func (e *Envelope) Expiring(after time.Duration) *Envelope {
	with := *e
	with.expires, with.packing = max(time.Millisecond, min(after, MaxExpiry)), nil
	with.flags |= amqp.FlagExpiration
	// The expiration is the property before the message-id.
	last := &with.before
	if e.correlated {
		last = &with.between
	}
	*last = append(append(make([]byte, 0, len(*last)+1+expiryDigits), *last...), expiryDigits)
	*last = appendExpiry(*last, with.expires)
	return &with
}

// Kept is the envelope of messages that the connection's [Keeper] keeps until they are confirmed, as being for target.
func (e *Envelope) Kept(target string) *Envelope {
	with := *e
	with.keep = target
	return &with
}

// MaxExpiry is the longest time that a message may have until it expires; RabbitMQ allows no more.
const MaxExpiry = math.MaxUint32 * time.Millisecond

// expiryDigits is how wide an expiration is written, in milliseconds, so that it can be overwritten by what is left of it.
const expiryDigits = 10

func appendExpiry(b []byte, left time.Duration) []byte {
	ms := max(1, left.Milliseconds())
	at := len(b)
	b = append(b, "0000000000"[:expiryDigits]...)
	for i := at + expiryDigits - 1; ms > 0; i-- {
		b[i] = byte('0' + ms%10)
		ms /= 10
	}
	return b
}

// expiry is where the digits begin in a message that appendTo has appended to nothing.
func (e *Envelope) expiry(message []byte, id int) []byte {
	at := len(e.method) + frameHead + headerHead + len(e.before) - expiryDigits
	if e.correlated {
		at += 1 + id + len(e.between)
	}
	return message[at:at]
}

// destination is the exchange and the key, as they are written.
func (e *Envelope) destination() []byte {
	const before, after = frameHead + 2 + 2 + 2, 1 + 1 // class, method, a reserved field; flags, the end of the frame
	return e.method[before : len(e.method)-after]
}

// MaxID is the longest message-id in octets.
const MaxID = 255

// NewEnvelope encodes an envelope. p.MessageID is not used. It fails with an
// *amqp.Error when a string is longer than 255 octets or the headers cannot be encoded.
func NewEnvelope(exchange, key string, mandatory bool, p amqp.Properties) (*Envelope, error) {
	publish := amqp.BasicPublish{Exchange: exchange, RoutingKey: key, Mandatory: mandatory}
	method, err := publish.AppendFrame(nil, publishChannel)
	if err != nil {
		return nil, err
	}
	p.MessageID = ""
	all, err := p.Append(nil)
	if err != nil {
		return nil, err
	}
	// "The property values are stored in order of the flags": what comes after the
	// message-id is a tail of the whole.
	head := p
	head.Timestamp, head.Type, head.UserID, head.AppID, head.ClusterID = time.Time{}, "", "", "", ""
	before, err := head.Append(nil)
	if err != nil {
		return nil, err
	}
	return &Envelope{
		method: method,
		flags:  binary.BigEndian.Uint16(all) | amqp.FlagMessageID,
		before: before[2:],
		after:  all[len(before):],
	}, nil
}

// NewCallEnvelope is NewEnvelope for calls. They are answered under p.CorrelationID, which is one call's then; without, each under its own id.
func NewCallEnvelope(exchange, key string, mandatory bool, p amqp.Properties) (*Envelope, error) {
	e, err := NewEnvelope(exchange, key, mandatory, p)
	if err != nil {
		return nil, err
	}
	if p.CorrelationID != "" {
		e.called = p.CorrelationID
		return e, nil
	}
	first := amqp.Properties{
		ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, Headers: p.Headers, DeliveryMode: p.DeliveryMode, Priority: p.Priority,
	}
	before, err := first.Append(nil)
	if err != nil {
		return nil, err
	}
	e.correlated, e.flags = true, e.flags|amqp.FlagCorrelationID
	e.before, e.between = before[2:], e.before[len(before)-2:]
	return e, nil
}

func (e *Envelope) headerSize(id int) int {
	n := headerHead + len(e.before) + 1 + id + len(e.after)
	if e.correlated {
		n += 1 + id + len(e.between)
	}
	return n
}

const headerHead = 14 // class, weight, body size, flags

// appendTo appends a whole publish. The id is at most MaxID octets.
func (e *Envelope) appendTo(dst []byte, id, body []byte, frameMax uint32) []byte {
	return amqp.AppendBodyFrames(e.appendHead(dst, id, len(body)), publishChannel, body, frameMax)
}

// appendHead appends what comes before a body of that size.
func (e *Envelope) appendHead(dst []byte, id []byte, body int) []byte {
	dst = append(dst, e.method...)
	size := e.headerSize(len(id))
	dst = appendFrameHead(dst, amqp.FrameHeader, size)
	dst = append(dst, 0, basicClass, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(body))
	dst = binary.BigEndian.AppendUint16(dst, e.flags)
	dst = append(dst, e.before...)
	if e.correlated {
		dst = append(append(dst, byte(len(id))), id...)
		dst = append(dst, e.between...)
	}
	dst = append(dst, byte(len(id)))
	dst = append(dst, id...)
	dst = append(dst, e.after...)
	return append(dst, amqp.FrameEnd)
}

const basicClass = 60

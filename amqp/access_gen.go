// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// AccessRequest asks for an access ticket: a relic of 0-8 that old clients still send (RabbitMQ).
//
// It is access.request, sent by the client.
type AccessRequest struct {
	Realm     string
	Exclusive bool
	Passive   bool
	Active    bool
	Write     bool
	Read      bool
}

// ID returns AccessRequestID.
func (m *AccessRequest) ID() MethodID { return AccessRequestID }

// Append implements Method.
func (m *AccessRequest) Append(dst []byte) ([]byte, error) {
	if len(m.Realm) > maxShortstr {
		return dst, tooLong(AccessRequestID, "realm", len(m.Realm))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(AccessRequestID))
	dst = append(append(dst, uint8(len(m.Realm))), m.Realm...)
	dst = append(dst, bit(m.Exclusive, 0)|bit(m.Passive, 1)|bit(m.Active, 2)|bit(m.Write, 3)|bit(m.Read, 4))
	return dst, nil
}

// AppendFrame implements Method.
func (m *AccessRequest) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *AccessRequest) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.Realm = in.String(r.shortstr())
	bits1 := r.octet()
	m.Exclusive = bits1&1 != 0
	m.Passive = bits1&2 != 0
	m.Active = bits1&4 != 0
	m.Write = bits1&8 != 0
	m.Read = bits1&16 != 0
	return r.end(AccessRequestID)
}

// AccessRequestOk hands out a ticket that nobody looks at again (RabbitMQ).
//
// It is access.request-ok, sent by the server.
type AccessRequestOk struct {
	Ticket uint16
}

// ID returns AccessRequestOkID.
func (m *AccessRequestOk) ID() MethodID { return AccessRequestOkID }

// Append implements Method.
func (m *AccessRequestOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(AccessRequestOkID))
	dst = binary.BigEndian.AppendUint16(dst, m.Ticket)
	return dst, nil
}

// AppendFrame implements Method.
func (m *AccessRequestOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *AccessRequestOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.Ticket = r.short()
	return r.end(AccessRequestOkID)
}

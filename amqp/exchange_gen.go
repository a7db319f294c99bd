// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// ExchangeDeclare creates an exchange, or checks that an equivalent one exists.
//
// It is exchange.declare, sent by the client.
type ExchangeDeclare struct {
	Exchange   string
	Type       string
	Passive    bool
	Durable    bool
	AutoDelete bool
	Internal   bool
	NoWait     bool
	Arguments  Table
}

// ID returns ExchangeDeclareID.
func (m *ExchangeDeclare) ID() MethodID { return ExchangeDeclareID }

// Append implements Method.
func (m *ExchangeDeclare) Append(dst []byte) ([]byte, error) {
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(ExchangeDeclareID, "exchange", len(m.Exchange))
	}
	if len(m.Type) > maxShortstr {
		return dst, tooLong(ExchangeDeclareID, "type", len(m.Type))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeDeclareID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.Type))), m.Type...)
	dst = append(dst, bit(m.Passive, 0)|bit(m.Durable, 1)|bit(m.AutoDelete, 2)|bit(m.Internal, 3)|bit(m.NoWait, 4))
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, ExchangeDeclareID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeDeclare) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeDeclare) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Exchange = in.String(r.shortstr())
	m.Type = in.String(r.shortstr())
	bits3 := r.octet()
	m.Passive = bits3&1 != 0
	m.Durable = bits3&2 != 0
	m.AutoDelete = bits3&4 != 0
	m.Internal = bits3&8 != 0
	m.NoWait = bits3&16 != 0
	m.Arguments = r.table(in)
	return r.end(ExchangeDeclareID)
}

// ExchangeDeclareOk says that the exchange is there.
//
// It is exchange.declare-ok, sent by the server.
type ExchangeDeclareOk struct {
}

// ID returns ExchangeDeclareOkID.
func (m *ExchangeDeclareOk) ID() MethodID { return ExchangeDeclareOkID }

// Append implements Method.
func (m *ExchangeDeclareOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeDeclareOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeDeclareOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeDeclareOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ExchangeDeclareOkID)
}

// ExchangeDelete removes an exchange and its bindings.
//
// It is exchange.delete, sent by the client.
type ExchangeDelete struct {
	Exchange string
	IfUnused bool
	NoWait   bool
}

// ID returns ExchangeDeleteID.
func (m *ExchangeDelete) ID() MethodID { return ExchangeDeleteID }

// Append implements Method.
func (m *ExchangeDelete) Append(dst []byte) ([]byte, error) {
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(ExchangeDeleteID, "exchange", len(m.Exchange))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeDeleteID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(dst, bit(m.IfUnused, 0)|bit(m.NoWait, 1))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeDelete) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeDelete) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Exchange = in.String(r.shortstr())
	bits2 := r.octet()
	m.IfUnused = bits2&1 != 0
	m.NoWait = bits2&2 != 0
	return r.end(ExchangeDeleteID)
}

// ExchangeDeleteOk says that the exchange is gone.
//
// It is exchange.delete-ok, sent by the server.
type ExchangeDeleteOk struct {
}

// ID returns ExchangeDeleteOkID.
func (m *ExchangeDeleteOk) ID() MethodID { return ExchangeDeleteOkID }

// Append implements Method.
func (m *ExchangeDeleteOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeDeleteOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeDeleteOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeDeleteOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ExchangeDeleteOkID)
}

// ExchangeBind lets messages flow from one exchange on to another (RabbitMQ).
//
// It is exchange.bind, sent by the client.
type ExchangeBind struct {
	Destination string
	Source      string
	RoutingKey  string
	NoWait      bool
	Arguments   Table
}

// ID returns ExchangeBindID.
func (m *ExchangeBind) ID() MethodID { return ExchangeBindID }

// Append implements Method.
func (m *ExchangeBind) Append(dst []byte) ([]byte, error) {
	if len(m.Destination) > maxShortstr {
		return dst, tooLong(ExchangeBindID, "destination", len(m.Destination))
	}
	if len(m.Source) > maxShortstr {
		return dst, tooLong(ExchangeBindID, "source", len(m.Source))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(ExchangeBindID, "routing-key", len(m.RoutingKey))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeBindID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Destination))), m.Destination...)
	dst = append(append(dst, uint8(len(m.Source))), m.Source...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	dst = append(dst, bit(m.NoWait, 0))
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, ExchangeBindID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeBind) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeBind) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Destination = in.String(r.shortstr())
	m.Source = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	bits4 := r.octet()
	m.NoWait = bits4&1 != 0
	m.Arguments = r.table(in)
	return r.end(ExchangeBindID)
}

// ExchangeBindOk says that the exchanges are bound (RabbitMQ).
//
// It is exchange.bind-ok, sent by the server.
type ExchangeBindOk struct {
}

// ID returns ExchangeBindOkID.
func (m *ExchangeBindOk) ID() MethodID { return ExchangeBindOkID }

// Append implements Method.
func (m *ExchangeBindOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeBindOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeBindOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeBindOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ExchangeBindOkID)
}

// ExchangeUnbind undoes exchange.bind (RabbitMQ).
//
// It is exchange.unbind, sent by the client.
type ExchangeUnbind struct {
	Destination string
	Source      string
	RoutingKey  string
	NoWait      bool
	Arguments   Table
}

// ID returns ExchangeUnbindID.
func (m *ExchangeUnbind) ID() MethodID { return ExchangeUnbindID }

// Append implements Method.
func (m *ExchangeUnbind) Append(dst []byte) ([]byte, error) {
	if len(m.Destination) > maxShortstr {
		return dst, tooLong(ExchangeUnbindID, "destination", len(m.Destination))
	}
	if len(m.Source) > maxShortstr {
		return dst, tooLong(ExchangeUnbindID, "source", len(m.Source))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(ExchangeUnbindID, "routing-key", len(m.RoutingKey))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeUnbindID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Destination))), m.Destination...)
	dst = append(append(dst, uint8(len(m.Source))), m.Source...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	dst = append(dst, bit(m.NoWait, 0))
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, ExchangeUnbindID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeUnbind) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeUnbind) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Destination = in.String(r.shortstr())
	m.Source = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	bits4 := r.octet()
	m.NoWait = bits4&1 != 0
	m.Arguments = r.table(in)
	return r.end(ExchangeUnbindID)
}

// ExchangeUnbindOk says that the exchanges are no longer bound; its number really is 51 (RabbitMQ).
//
// It is exchange.unbind-ok, sent by the server.
type ExchangeUnbindOk struct {
}

// ID returns ExchangeUnbindOkID.
func (m *ExchangeUnbindOk) ID() MethodID { return ExchangeUnbindOkID }

// Append implements Method.
func (m *ExchangeUnbindOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ExchangeUnbindOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ExchangeUnbindOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ExchangeUnbindOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ExchangeUnbindOkID)
}

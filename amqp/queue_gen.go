// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// QueueDeclare creates a queue, or checks that an equivalent one exists; an empty name asks the server for one.
//
// It is queue.declare, sent by the client.
type QueueDeclare struct {
	Queue      string
	Passive    bool
	Durable    bool
	Exclusive  bool
	AutoDelete bool
	NoWait     bool
	Arguments  Table
}

// ID returns QueueDeclareID.
func (m *QueueDeclare) ID() MethodID { return QueueDeclareID }

// Append implements Method.
func (m *QueueDeclare) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(QueueDeclareID, "queue", len(m.Queue))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueDeclareID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(dst, bit(m.Passive, 0)|bit(m.Durable, 1)|bit(m.Exclusive, 2)|bit(m.AutoDelete, 3)|bit(m.NoWait, 4))
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, QueueDeclareID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueDeclare) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueDeclare) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	bits2 := r.octet()
	m.Passive = bits2&1 != 0
	m.Durable = bits2&2 != 0
	m.Exclusive = bits2&4 != 0
	m.AutoDelete = bits2&8 != 0
	m.NoWait = bits2&16 != 0
	m.Arguments = r.table(in)
	return r.end(QueueDeclareID)
}

// QueueDeclareOk says what the queue is called and how busy it is.
//
// It is queue.declare-ok, sent by the server.
type QueueDeclareOk struct {
	Queue         string
	MessageCount  uint32
	ConsumerCount uint32
}

// ID returns QueueDeclareOkID.
func (m *QueueDeclareOk) ID() MethodID { return QueueDeclareOkID }

// Append implements Method.
func (m *QueueDeclareOk) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(QueueDeclareOkID, "queue", len(m.Queue))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueDeclareOkID))
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = binary.BigEndian.AppendUint32(dst, m.MessageCount)
	dst = binary.BigEndian.AppendUint32(dst, m.ConsumerCount)
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueDeclareOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueDeclareOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.Queue = in.String(r.shortstr())
	m.MessageCount = r.long()
	m.ConsumerCount = r.long()
	return r.end(QueueDeclareOkID)
}

// QueueBind lets messages flow from an exchange into a queue.
//
// It is queue.bind, sent by the client.
type QueueBind struct {
	Queue      string
	Exchange   string
	RoutingKey string
	NoWait     bool
	Arguments  Table
}

// ID returns QueueBindID.
func (m *QueueBind) ID() MethodID { return QueueBindID }

// Append implements Method.
func (m *QueueBind) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(QueueBindID, "queue", len(m.Queue))
	}
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(QueueBindID, "exchange", len(m.Exchange))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(QueueBindID, "routing-key", len(m.RoutingKey))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueBindID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	dst = append(dst, bit(m.NoWait, 0))
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, QueueBindID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueBind) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueBind) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	m.Exchange = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	bits4 := r.octet()
	m.NoWait = bits4&1 != 0
	m.Arguments = r.table(in)
	return r.end(QueueBindID)
}

// QueueBindOk says that the queue is bound.
//
// It is queue.bind-ok, sent by the server.
type QueueBindOk struct {
}

// ID returns QueueBindOkID.
func (m *QueueBindOk) ID() MethodID { return QueueBindOkID }

// Append implements Method.
func (m *QueueBindOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueBindOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueBindOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueBindOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(QueueBindOkID)
}

// QueuePurge drops the messages of a queue that nobody holds.
//
// It is queue.purge, sent by the client.
type QueuePurge struct {
	Queue  string
	NoWait bool
}

// ID returns QueuePurgeID.
func (m *QueuePurge) ID() MethodID { return QueuePurgeID }

// Append implements Method.
func (m *QueuePurge) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(QueuePurgeID, "queue", len(m.Queue))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueuePurgeID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(dst, bit(m.NoWait, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueuePurge) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueuePurge) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	bits2 := r.octet()
	m.NoWait = bits2&1 != 0
	return r.end(QueuePurgeID)
}

// QueuePurgeOk says how many messages were dropped.
//
// It is queue.purge-ok, sent by the server.
type QueuePurgeOk struct {
	MessageCount uint32
}

// ID returns QueuePurgeOkID.
func (m *QueuePurgeOk) ID() MethodID { return QueuePurgeOkID }

// Append implements Method.
func (m *QueuePurgeOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueuePurgeOkID))
	dst = binary.BigEndian.AppendUint32(dst, m.MessageCount)
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueuePurgeOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueuePurgeOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.MessageCount = r.long()
	return r.end(QueuePurgeOkID)
}

// QueueDelete removes a queue with its messages and bindings.
//
// It is queue.delete, sent by the client.
type QueueDelete struct {
	Queue    string
	IfUnused bool
	IfEmpty  bool
	NoWait   bool
}

// ID returns QueueDeleteID.
func (m *QueueDelete) ID() MethodID { return QueueDeleteID }

// Append implements Method.
func (m *QueueDelete) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(QueueDeleteID, "queue", len(m.Queue))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueDeleteID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(dst, bit(m.IfUnused, 0)|bit(m.IfEmpty, 1)|bit(m.NoWait, 2))
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueDelete) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueDelete) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	bits2 := r.octet()
	m.IfUnused = bits2&1 != 0
	m.IfEmpty = bits2&2 != 0
	m.NoWait = bits2&4 != 0
	return r.end(QueueDeleteID)
}

// QueueDeleteOk says how many messages went with the queue.
//
// It is queue.delete-ok, sent by the server.
type QueueDeleteOk struct {
	MessageCount uint32
}

// ID returns QueueDeleteOkID.
func (m *QueueDeleteOk) ID() MethodID { return QueueDeleteOkID }

// Append implements Method.
func (m *QueueDeleteOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueDeleteOkID))
	dst = binary.BigEndian.AppendUint32(dst, m.MessageCount)
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueDeleteOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueDeleteOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.MessageCount = r.long()
	return r.end(QueueDeleteOkID)
}

// QueueUnbind undoes queue.bind; alone among its kind it has no no-wait bit.
//
// It is queue.unbind, sent by the client.
type QueueUnbind struct {
	Queue      string
	Exchange   string
	RoutingKey string
	Arguments  Table
}

// ID returns QueueUnbindID.
func (m *QueueUnbind) ID() MethodID { return QueueUnbindID }

// Append implements Method.
func (m *QueueUnbind) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(QueueUnbindID, "queue", len(m.Queue))
	}
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(QueueUnbindID, "exchange", len(m.Exchange))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(QueueUnbindID, "routing-key", len(m.RoutingKey))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueUnbindID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, QueueUnbindID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueUnbind) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueUnbind) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	m.Exchange = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	m.Arguments = r.table(in)
	return r.end(QueueUnbindID)
}

// QueueUnbindOk says that the queue is no longer bound.
//
// It is queue.unbind-ok, sent by the server.
type QueueUnbindOk struct {
}

// ID returns QueueUnbindOkID.
func (m *QueueUnbindOk) ID() MethodID { return QueueUnbindOkID }

// Append implements Method.
func (m *QueueUnbindOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(QueueUnbindOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *QueueUnbindOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *QueueUnbindOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(QueueUnbindOkID)
}

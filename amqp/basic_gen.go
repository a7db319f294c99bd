// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// BasicQos limits how much may be delivered and not yet settled; 0 is no limit.
//
// It is basic.qos, sent by the client.
type BasicQos struct {
	PrefetchSize  uint32
	PrefetchCount uint16
	Global        bool
}

// ID returns BasicQosID.
func (m *BasicQos) ID() MethodID { return BasicQosID }

// Append implements Method.
func (m *BasicQos) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicQosID))
	dst = binary.BigEndian.AppendUint32(dst, m.PrefetchSize)
	dst = binary.BigEndian.AppendUint16(dst, m.PrefetchCount)
	dst = append(dst, bit(m.Global, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicQos) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicQos) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.PrefetchSize = r.long()
	m.PrefetchCount = r.short()
	bits2 := r.octet()
	m.Global = bits2&1 != 0
	return r.end(BasicQosID)
}

// BasicQosOk says that the limit holds.
//
// It is basic.qos-ok, sent by the server.
type BasicQosOk struct {
}

// ID returns BasicQosOkID.
func (m *BasicQosOk) ID() MethodID { return BasicQosOkID }

// Append implements Method.
func (m *BasicQosOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicQosOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicQosOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicQosOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(BasicQosOkID)
}

// BasicConsume starts a consumer; an empty tag asks the server for one.
//
// It is basic.consume, sent by the client.
type BasicConsume struct {
	Queue       string
	ConsumerTag string
	NoLocal     bool
	NoAck       bool
	Exclusive   bool
	NoWait      bool
	Arguments   Table
}

// ID returns BasicConsumeID.
func (m *BasicConsume) ID() MethodID { return BasicConsumeID }

// Append implements Method.
func (m *BasicConsume) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(BasicConsumeID, "queue", len(m.Queue))
	}
	if len(m.ConsumerTag) > maxShortstr {
		return dst, tooLong(BasicConsumeID, "consumer-tag", len(m.ConsumerTag))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicConsumeID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(append(dst, uint8(len(m.ConsumerTag))), m.ConsumerTag...)
	dst = append(dst, bit(m.NoLocal, 0)|bit(m.NoAck, 1)|bit(m.Exclusive, 2)|bit(m.NoWait, 3))
	if dst, err = AppendTable(dst, m.Arguments); err != nil {
		return dst[:start], inMethod(err, BasicConsumeID)
	}
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicConsume) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicConsume) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	m.ConsumerTag = in.String(r.shortstr())
	bits3 := r.octet()
	m.NoLocal = bits3&1 != 0
	m.NoAck = bits3&2 != 0
	m.Exclusive = bits3&4 != 0
	m.NoWait = bits3&8 != 0
	m.Arguments = r.table(in)
	return r.end(BasicConsumeID)
}

// BasicConsumeOk says that the consumer runs, and under which tag.
//
// It is basic.consume-ok, sent by the server.
type BasicConsumeOk struct {
	ConsumerTag string
}

// ID returns BasicConsumeOkID.
func (m *BasicConsumeOk) ID() MethodID { return BasicConsumeOkID }

// Append implements Method.
func (m *BasicConsumeOk) Append(dst []byte) ([]byte, error) {
	if len(m.ConsumerTag) > maxShortstr {
		return dst, tooLong(BasicConsumeOkID, "consumer-tag", len(m.ConsumerTag))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicConsumeOkID))
	dst = append(append(dst, uint8(len(m.ConsumerTag))), m.ConsumerTag...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicConsumeOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicConsumeOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ConsumerTag = in.String(r.shortstr())
	return r.end(BasicConsumeOkID)
}

// BasicCancel ends a consumer; from the server it says that the queue went away (RabbitMQ).
//
// It is basic.cancel, sent by either side.
type BasicCancel struct {
	ConsumerTag string
	NoWait      bool
}

// ID returns BasicCancelID.
func (m *BasicCancel) ID() MethodID { return BasicCancelID }

// Append implements Method.
func (m *BasicCancel) Append(dst []byte) ([]byte, error) {
	if len(m.ConsumerTag) > maxShortstr {
		return dst, tooLong(BasicCancelID, "consumer-tag", len(m.ConsumerTag))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicCancelID))
	dst = append(append(dst, uint8(len(m.ConsumerTag))), m.ConsumerTag...)
	dst = append(dst, bit(m.NoWait, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicCancel) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicCancel) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ConsumerTag = in.String(r.shortstr())
	bits1 := r.octet()
	m.NoWait = bits1&1 != 0
	return r.end(BasicCancelID)
}

// BasicCancelOk says that nothing more will be delivered under this tag.
//
// It is basic.cancel-ok, sent by either side.
type BasicCancelOk struct {
	ConsumerTag string
}

// ID returns BasicCancelOkID.
func (m *BasicCancelOk) ID() MethodID { return BasicCancelOkID }

// Append implements Method.
func (m *BasicCancelOk) Append(dst []byte) ([]byte, error) {
	if len(m.ConsumerTag) > maxShortstr {
		return dst, tooLong(BasicCancelOkID, "consumer-tag", len(m.ConsumerTag))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicCancelOkID))
	dst = append(append(dst, uint8(len(m.ConsumerTag))), m.ConsumerTag...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicCancelOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicCancelOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ConsumerTag = in.String(r.shortstr())
	return r.end(BasicCancelOkID)
}

// BasicPublish sends a message to an exchange.
//
// It is basic.publish, sent by the client; its content follows.
type BasicPublish struct {
	Exchange   string
	RoutingKey string
	Mandatory  bool
	Immediate  bool
}

// ID returns BasicPublishID.
func (m *BasicPublish) ID() MethodID { return BasicPublishID }

// Append implements Method.
func (m *BasicPublish) Append(dst []byte) ([]byte, error) {
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(BasicPublishID, "exchange", len(m.Exchange))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(BasicPublishID, "routing-key", len(m.RoutingKey))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicPublishID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	dst = append(dst, bit(m.Mandatory, 0)|bit(m.Immediate, 1))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicPublish) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicPublish) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Exchange = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	bits3 := r.octet()
	m.Mandatory = bits3&1 != 0
	m.Immediate = bits3&2 != 0
	return r.end(BasicPublishID)
}

// BasicReturn hands an unroutable message back to its publisher.
//
// It is basic.return, sent by the server; its content follows.
type BasicReturn struct {
	ReplyCode  uint16
	ReplyText  string
	Exchange   string
	RoutingKey string
}

// ID returns BasicReturnID.
func (m *BasicReturn) ID() MethodID { return BasicReturnID }

// Append implements Method.
func (m *BasicReturn) Append(dst []byte) ([]byte, error) {
	if len(m.ReplyText) > maxShortstr {
		return dst, tooLong(BasicReturnID, "reply-text", len(m.ReplyText))
	}
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(BasicReturnID, "exchange", len(m.Exchange))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(BasicReturnID, "routing-key", len(m.RoutingKey))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicReturnID))
	dst = binary.BigEndian.AppendUint16(dst, m.ReplyCode)
	dst = append(append(dst, uint8(len(m.ReplyText))), m.ReplyText...)
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicReturn) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicReturn) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ReplyCode = r.short()
	m.ReplyText = in.String(r.shortstr())
	m.Exchange = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	return r.end(BasicReturnID)
}

// BasicDeliver hands a message to a consumer.
//
// It is basic.deliver, sent by the server; its content follows.
type BasicDeliver struct {
	ConsumerTag string
	DeliveryTag uint64
	Redelivered bool
	Exchange    string
	RoutingKey  string
}

// ID returns BasicDeliverID.
func (m *BasicDeliver) ID() MethodID { return BasicDeliverID }

// Append implements Method.
func (m *BasicDeliver) Append(dst []byte) ([]byte, error) {
	if len(m.ConsumerTag) > maxShortstr {
		return dst, tooLong(BasicDeliverID, "consumer-tag", len(m.ConsumerTag))
	}
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(BasicDeliverID, "exchange", len(m.Exchange))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(BasicDeliverID, "routing-key", len(m.RoutingKey))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicDeliverID))
	dst = append(append(dst, uint8(len(m.ConsumerTag))), m.ConsumerTag...)
	dst = binary.BigEndian.AppendUint64(dst, m.DeliveryTag)
	dst = append(dst, bit(m.Redelivered, 0))
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicDeliver) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicDeliver) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ConsumerTag = in.String(r.shortstr())
	m.DeliveryTag = r.longlong()
	bits2 := r.octet()
	m.Redelivered = bits2&1 != 0
	m.Exchange = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	return r.end(BasicDeliverID)
}

// BasicGet asks for one message of a queue.
//
// It is basic.get, sent by the client.
type BasicGet struct {
	Queue string
	NoAck bool
}

// ID returns BasicGetID.
func (m *BasicGet) ID() MethodID { return BasicGetID }

// Append implements Method.
func (m *BasicGet) Append(dst []byte) ([]byte, error) {
	if len(m.Queue) > maxShortstr {
		return dst, tooLong(BasicGetID, "queue", len(m.Queue))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicGetID))
	dst = append(dst, 0, 0)
	dst = append(append(dst, uint8(len(m.Queue))), m.Queue...)
	dst = append(dst, bit(m.NoAck, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicGet) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicGet) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.short()
	m.Queue = in.String(r.shortstr())
	bits2 := r.octet()
	m.NoAck = bits2&1 != 0
	return r.end(BasicGetID)
}

// BasicGetOk hands over the message that basic.get asked for, and says how many are left.
//
// It is basic.get-ok, sent by the server; its content follows.
type BasicGetOk struct {
	DeliveryTag  uint64
	Redelivered  bool
	Exchange     string
	RoutingKey   string
	MessageCount uint32
}

// ID returns BasicGetOkID.
func (m *BasicGetOk) ID() MethodID { return BasicGetOkID }

// Append implements Method.
func (m *BasicGetOk) Append(dst []byte) ([]byte, error) {
	if len(m.Exchange) > maxShortstr {
		return dst, tooLong(BasicGetOkID, "exchange", len(m.Exchange))
	}
	if len(m.RoutingKey) > maxShortstr {
		return dst, tooLong(BasicGetOkID, "routing-key", len(m.RoutingKey))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicGetOkID))
	dst = binary.BigEndian.AppendUint64(dst, m.DeliveryTag)
	dst = append(dst, bit(m.Redelivered, 0))
	dst = append(append(dst, uint8(len(m.Exchange))), m.Exchange...)
	dst = append(append(dst, uint8(len(m.RoutingKey))), m.RoutingKey...)
	dst = binary.BigEndian.AppendUint32(dst, m.MessageCount)
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicGetOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicGetOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.DeliveryTag = r.longlong()
	bits1 := r.octet()
	m.Redelivered = bits1&1 != 0
	m.Exchange = in.String(r.shortstr())
	m.RoutingKey = in.String(r.shortstr())
	m.MessageCount = r.long()
	return r.end(BasicGetOkID)
}

// BasicGetEmpty says that the queue is empty.
//
// It is basic.get-empty, sent by the server.
type BasicGetEmpty struct {
}

// ID returns BasicGetEmptyID.
func (m *BasicGetEmpty) ID() MethodID { return BasicGetEmptyID }

// Append implements Method.
func (m *BasicGetEmpty) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicGetEmptyID))
	dst = append(dst, 0)
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicGetEmpty) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicGetEmpty) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.shortstr()
	return r.end(BasicGetEmptyID)
}

// BasicAck settles deliveries, or from the server confirms publishes; multiple means this one and all before it.
//
// It is basic.ack, sent by either side.
type BasicAck struct {
	DeliveryTag uint64
	Multiple    bool
}

// ID returns BasicAckID.
func (m *BasicAck) ID() MethodID { return BasicAckID }

// Append implements Method.
func (m *BasicAck) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicAckID))
	dst = binary.BigEndian.AppendUint64(dst, m.DeliveryTag)
	dst = append(dst, bit(m.Multiple, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicAck) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicAck) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.DeliveryTag = r.longlong()
	bits1 := r.octet()
	m.Multiple = bits1&1 != 0
	return r.end(BasicAckID)
}

// BasicReject refuses one delivery.
//
// It is basic.reject, sent by the client.
type BasicReject struct {
	DeliveryTag uint64
	Requeue     bool
}

// ID returns BasicRejectID.
func (m *BasicReject) ID() MethodID { return BasicRejectID }

// Append implements Method.
func (m *BasicReject) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicRejectID))
	dst = binary.BigEndian.AppendUint64(dst, m.DeliveryTag)
	dst = append(dst, bit(m.Requeue, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicReject) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicReject) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.DeliveryTag = r.longlong()
	bits1 := r.octet()
	m.Requeue = bits1&1 != 0
	return r.end(BasicRejectID)
}

// BasicRecoverAsync asks for redelivery of everything unsettled, without an answer; deprecated.
//
// It is basic.recover-async, sent by the client.
type BasicRecoverAsync struct {
	Requeue bool
}

// ID returns BasicRecoverAsyncID.
func (m *BasicRecoverAsync) ID() MethodID { return BasicRecoverAsyncID }

// Append implements Method.
func (m *BasicRecoverAsync) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicRecoverAsyncID))
	dst = append(dst, bit(m.Requeue, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicRecoverAsync) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicRecoverAsync) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	bits0 := r.octet()
	m.Requeue = bits0&1 != 0
	return r.end(BasicRecoverAsyncID)
}

// BasicRecover asks for redelivery of everything unsettled.
//
// It is basic.recover, sent by the client.
type BasicRecover struct {
	Requeue bool
}

// ID returns BasicRecoverID.
func (m *BasicRecover) ID() MethodID { return BasicRecoverID }

// Append implements Method.
func (m *BasicRecover) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicRecoverID))
	dst = append(dst, bit(m.Requeue, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicRecover) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicRecover) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	bits0 := r.octet()
	m.Requeue = bits0&1 != 0
	return r.end(BasicRecoverID)
}

// BasicRecoverOk says that redelivery has begun.
//
// It is basic.recover-ok, sent by the server.
type BasicRecoverOk struct {
}

// ID returns BasicRecoverOkID.
func (m *BasicRecoverOk) ID() MethodID { return BasicRecoverOkID }

// Append implements Method.
func (m *BasicRecoverOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicRecoverOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicRecoverOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicRecoverOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(BasicRecoverOkID)
}

// BasicNack refuses deliveries, or from the server says that publishes were not taken (RabbitMQ).
//
// It is basic.nack, sent by either side.
type BasicNack struct {
	DeliveryTag uint64
	Multiple    bool
	Requeue     bool
}

// ID returns BasicNackID.
func (m *BasicNack) ID() MethodID { return BasicNackID }

// Append implements Method.
func (m *BasicNack) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(BasicNackID))
	dst = binary.BigEndian.AppendUint64(dst, m.DeliveryTag)
	dst = append(dst, bit(m.Multiple, 0)|bit(m.Requeue, 1))
	return dst, nil
}

// AppendFrame implements Method.
func (m *BasicNack) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *BasicNack) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.DeliveryTag = r.longlong()
	bits1 := r.octet()
	m.Multiple = bits1&1 != 0
	m.Requeue = bits1&2 != 0
	return r.end(BasicNackID)
}

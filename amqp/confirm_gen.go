// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// ConfirmSelect makes the server confirm each publish on this channel (RabbitMQ).
//
// It is confirm.select, sent by the client.
type ConfirmSelect struct {
	NoWait bool
}

// ID returns ConfirmSelectID.
func (m *ConfirmSelect) ID() MethodID { return ConfirmSelectID }

// Append implements Method.
func (m *ConfirmSelect) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConfirmSelectID))
	dst = append(dst, bit(m.NoWait, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConfirmSelect) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConfirmSelect) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	bits0 := r.octet()
	m.NoWait = bits0&1 != 0
	return r.end(ConfirmSelectID)
}

// ConfirmSelectOk says that confirms are on (RabbitMQ).
//
// It is confirm.select-ok, sent by the server.
type ConfirmSelectOk struct {
}

// ID returns ConfirmSelectOkID.
func (m *ConfirmSelectOk) ID() MethodID { return ConfirmSelectOkID }

// Append implements Method.
func (m *ConfirmSelectOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConfirmSelectOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConfirmSelectOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConfirmSelectOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ConfirmSelectOkID)
}

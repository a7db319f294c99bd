// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// ChannelOpen opens the channel on whose number it arrives.
//
// It is channel.open, sent by the client.
type ChannelOpen struct {
}

// ID returns ChannelOpenID.
func (m *ChannelOpen) ID() MethodID { return ChannelOpenID }

// Append implements Method.
func (m *ChannelOpen) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ChannelOpenID))
	dst = append(dst, 0)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ChannelOpen) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ChannelOpen) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.shortstr()
	return r.end(ChannelOpenID)
}

// ChannelOpenOk says that the channel is ready for use.
//
// It is channel.open-ok, sent by the server.
type ChannelOpenOk struct {
}

// ID returns ChannelOpenOkID.
func (m *ChannelOpenOk) ID() MethodID { return ChannelOpenOkID }

// Append implements Method.
func (m *ChannelOpenOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ChannelOpenOkID))
	dst = append(dst, 0, 0, 0, 0)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ChannelOpenOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ChannelOpenOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.longstr()
	return r.end(ChannelOpenOkID)
}

// ChannelFlow stops or restarts the flow of content to the sender of this method.
//
// It is channel.flow, sent by either side.
type ChannelFlow struct {
	Active bool
}

// ID returns ChannelFlowID.
func (m *ChannelFlow) ID() MethodID { return ChannelFlowID }

// Append implements Method.
func (m *ChannelFlow) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ChannelFlowID))
	dst = append(dst, bit(m.Active, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ChannelFlow) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ChannelFlow) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	bits0 := r.octet()
	m.Active = bits0&1 != 0
	return r.end(ChannelFlowID)
}

// ChannelFlowOk says whether content flows now.
//
// It is channel.flow-ok, sent by either side.
type ChannelFlowOk struct {
	Active bool
}

// ID returns ChannelFlowOkID.
func (m *ChannelFlowOk) ID() MethodID { return ChannelFlowOkID }

// Append implements Method.
func (m *ChannelFlowOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ChannelFlowOkID))
	dst = append(dst, bit(m.Active, 0))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ChannelFlowOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ChannelFlowOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	bits0 := r.octet()
	m.Active = bits0&1 != 0
	return r.end(ChannelFlowOkID)
}

// ChannelClose ends the channel, with the reason and the method that caused it (0, 0 if none did).
//
// It is channel.close, sent by either side.
type ChannelClose struct {
	ReplyCode uint16
	ReplyText string
	ClassID   uint16
	MethodID  uint16
}

// ID returns ChannelCloseID.
func (m *ChannelClose) ID() MethodID { return ChannelCloseID }

// Append implements Method.
func (m *ChannelClose) Append(dst []byte) ([]byte, error) {
	if len(m.ReplyText) > maxShortstr {
		return dst, tooLong(ChannelCloseID, "reply-text", len(m.ReplyText))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ChannelCloseID))
	dst = binary.BigEndian.AppendUint16(dst, m.ReplyCode)
	dst = append(append(dst, uint8(len(m.ReplyText))), m.ReplyText...)
	dst = binary.BigEndian.AppendUint16(dst, m.ClassID)
	dst = binary.BigEndian.AppendUint16(dst, m.MethodID)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ChannelClose) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ChannelClose) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ReplyCode = r.short()
	m.ReplyText = in.String(r.shortstr())
	m.ClassID = r.short()
	m.MethodID = r.short()
	return r.end(ChannelCloseID)
}

// ChannelCloseOk confirms the end of the channel; its number is free again.
//
// It is channel.close-ok, sent by either side.
type ChannelCloseOk struct {
}

// ID returns ChannelCloseOkID.
func (m *ChannelCloseOk) ID() MethodID { return ChannelCloseOkID }

// Append implements Method.
func (m *ChannelCloseOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ChannelCloseOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ChannelCloseOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ChannelCloseOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ChannelCloseOkID)
}

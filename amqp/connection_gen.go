// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// ConnectionStart opens the negotiation: what the server speaks and how one may log in.
//
// It is connection.start, sent by the server.
type ConnectionStart struct {
	VersionMajor     uint8
	VersionMinor     uint8
	ServerProperties Table
	Mechanisms       string
	Locales          string
}

// ID returns ConnectionStartID.
func (m *ConnectionStart) ID() MethodID { return ConnectionStartID }

// Append implements Method.
func (m *ConnectionStart) Append(dst []byte) ([]byte, error) {
	if len(m.Mechanisms) > maxLongstr {
		return dst, tooLong(ConnectionStartID, "mechanisms", len(m.Mechanisms))
	}
	if len(m.Locales) > maxLongstr {
		return dst, tooLong(ConnectionStartID, "locales", len(m.Locales))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionStartID))
	dst = append(dst, m.VersionMajor)
	dst = append(dst, m.VersionMinor)
	if dst, err = AppendTable(dst, m.ServerProperties); err != nil {
		return dst[:start], inMethod(err, ConnectionStartID)
	}
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.Mechanisms))), m.Mechanisms...)
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.Locales))), m.Locales...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionStart) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionStart) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.VersionMajor = r.octet()
	m.VersionMinor = r.octet()
	m.ServerProperties = r.table(in)
	m.Mechanisms = string(r.longstr())
	m.Locales = string(r.longstr())
	return r.end(ConnectionStartID)
}

// ConnectionStartOk chooses a mechanism and a locale and carries the first login response.
//
// It is connection.start-ok, sent by the client.
type ConnectionStartOk struct {
	ClientProperties Table
	Mechanism        string
	Response         string
	Locale           string
}

// ID returns ConnectionStartOkID.
func (m *ConnectionStartOk) ID() MethodID { return ConnectionStartOkID }

// Append implements Method.
func (m *ConnectionStartOk) Append(dst []byte) ([]byte, error) {
	if len(m.Mechanism) > maxShortstr {
		return dst, tooLong(ConnectionStartOkID, "mechanism", len(m.Mechanism))
	}
	if len(m.Response) > maxLongstr {
		return dst, tooLong(ConnectionStartOkID, "response", len(m.Response))
	}
	if len(m.Locale) > maxShortstr {
		return dst, tooLong(ConnectionStartOkID, "locale", len(m.Locale))
	}
	start, err := len(dst), error(nil)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionStartOkID))
	if dst, err = AppendTable(dst, m.ClientProperties); err != nil {
		return dst[:start], inMethod(err, ConnectionStartOkID)
	}
	dst = append(append(dst, uint8(len(m.Mechanism))), m.Mechanism...)
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.Response))), m.Response...)
	dst = append(append(dst, uint8(len(m.Locale))), m.Locale...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionStartOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionStartOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ClientProperties = r.table(in)
	m.Mechanism = in.String(r.shortstr())
	m.Response = string(r.longstr())
	m.Locale = in.String(r.shortstr())
	return r.end(ConnectionStartOkID)
}

// ConnectionSecure asks for one more round of a login mechanism that needs it.
//
// It is connection.secure, sent by the server.
type ConnectionSecure struct {
	Challenge string
}

// ID returns ConnectionSecureID.
func (m *ConnectionSecure) ID() MethodID { return ConnectionSecureID }

// Append implements Method.
func (m *ConnectionSecure) Append(dst []byte) ([]byte, error) {
	if len(m.Challenge) > maxLongstr {
		return dst, tooLong(ConnectionSecureID, "challenge", len(m.Challenge))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionSecureID))
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.Challenge))), m.Challenge...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionSecure) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionSecure) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.Challenge = string(r.longstr())
	return r.end(ConnectionSecureID)
}

// ConnectionSecureOk answers the challenge of connection.secure.
//
// It is connection.secure-ok, sent by the client.
type ConnectionSecureOk struct {
	Response string
}

// ID returns ConnectionSecureOkID.
func (m *ConnectionSecureOk) ID() MethodID { return ConnectionSecureOkID }

// Append implements Method.
func (m *ConnectionSecureOk) Append(dst []byte) ([]byte, error) {
	if len(m.Response) > maxLongstr {
		return dst, tooLong(ConnectionSecureOkID, "response", len(m.Response))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionSecureOkID))
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.Response))), m.Response...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionSecureOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionSecureOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.Response = string(r.longstr())
	return r.end(ConnectionSecureOkID)
}

// ConnectionTune proposes limits; zero means that the sender has none of its own.
//
// It is connection.tune, sent by the server.
type ConnectionTune struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// ID returns ConnectionTuneID.
func (m *ConnectionTune) ID() MethodID { return ConnectionTuneID }

// Append implements Method.
func (m *ConnectionTune) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionTuneID))
	dst = binary.BigEndian.AppendUint16(dst, m.ChannelMax)
	dst = binary.BigEndian.AppendUint32(dst, m.FrameMax)
	dst = binary.BigEndian.AppendUint16(dst, m.Heartbeat)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionTune) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionTune) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ChannelMax = r.short()
	m.FrameMax = r.long()
	m.Heartbeat = r.short()
	return r.end(ConnectionTuneID)
}

// ConnectionTuneOk settles the limits of the connection.
//
// It is connection.tune-ok, sent by the client.
type ConnectionTuneOk struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// ID returns ConnectionTuneOkID.
func (m *ConnectionTuneOk) ID() MethodID { return ConnectionTuneOkID }

// Append implements Method.
func (m *ConnectionTuneOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionTuneOkID))
	dst = binary.BigEndian.AppendUint16(dst, m.ChannelMax)
	dst = binary.BigEndian.AppendUint32(dst, m.FrameMax)
	dst = binary.BigEndian.AppendUint16(dst, m.Heartbeat)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionTuneOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionTuneOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ChannelMax = r.short()
	m.FrameMax = r.long()
	m.Heartbeat = r.short()
	return r.end(ConnectionTuneOkID)
}

// ConnectionOpen enters a virtual host.
//
// It is connection.open, sent by the client.
type ConnectionOpen struct {
	VirtualHost string
}

// ID returns ConnectionOpenID.
func (m *ConnectionOpen) ID() MethodID { return ConnectionOpenID }

// Append implements Method.
func (m *ConnectionOpen) Append(dst []byte) ([]byte, error) {
	if len(m.VirtualHost) > maxShortstr {
		return dst, tooLong(ConnectionOpenID, "virtual-host", len(m.VirtualHost))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionOpenID))
	dst = append(append(dst, uint8(len(m.VirtualHost))), m.VirtualHost...)
	dst = append(dst, 0)
	dst = append(dst, 0)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionOpen) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionOpen) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.VirtualHost = in.String(r.shortstr())
	r.shortstr()
	r.octet()
	return r.end(ConnectionOpenID)
}

// ConnectionOpenOk says that the connection is ready for use.
//
// It is connection.open-ok, sent by the server.
type ConnectionOpenOk struct {
}

// ID returns ConnectionOpenOkID.
func (m *ConnectionOpenOk) ID() MethodID { return ConnectionOpenOkID }

// Append implements Method.
func (m *ConnectionOpenOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionOpenOkID))
	dst = append(dst, 0)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionOpenOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionOpenOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	r.shortstr()
	return r.end(ConnectionOpenOkID)
}

// ConnectionClose ends the connection, with the reason and the method that caused it (0, 0 if none did).
//
// It is connection.close, sent by either side.
type ConnectionClose struct {
	ReplyCode uint16
	ReplyText string
	ClassID   uint16
	MethodID  uint16
}

// ID returns ConnectionCloseID.
func (m *ConnectionClose) ID() MethodID { return ConnectionCloseID }

// Append implements Method.
func (m *ConnectionClose) Append(dst []byte) ([]byte, error) {
	if len(m.ReplyText) > maxShortstr {
		return dst, tooLong(ConnectionCloseID, "reply-text", len(m.ReplyText))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionCloseID))
	dst = binary.BigEndian.AppendUint16(dst, m.ReplyCode)
	dst = append(append(dst, uint8(len(m.ReplyText))), m.ReplyText...)
	dst = binary.BigEndian.AppendUint16(dst, m.ClassID)
	dst = binary.BigEndian.AppendUint16(dst, m.MethodID)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionClose) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionClose) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.ReplyCode = r.short()
	m.ReplyText = in.String(r.shortstr())
	m.ClassID = r.short()
	m.MethodID = r.short()
	return r.end(ConnectionCloseID)
}

// ConnectionCloseOk confirms the end of the connection; nothing follows it.
//
// It is connection.close-ok, sent by either side.
type ConnectionCloseOk struct {
}

// ID returns ConnectionCloseOkID.
func (m *ConnectionCloseOk) ID() MethodID { return ConnectionCloseOkID }

// Append implements Method.
func (m *ConnectionCloseOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionCloseOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionCloseOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionCloseOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ConnectionCloseOkID)
}

// ConnectionBlocked tells the client that publishing is held back, and why (RabbitMQ).
//
// It is connection.blocked, sent by the server.
type ConnectionBlocked struct {
	Reason string
}

// ID returns ConnectionBlockedID.
func (m *ConnectionBlocked) ID() MethodID { return ConnectionBlockedID }

// Append implements Method.
func (m *ConnectionBlocked) Append(dst []byte) ([]byte, error) {
	if len(m.Reason) > maxShortstr {
		return dst, tooLong(ConnectionBlockedID, "reason", len(m.Reason))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionBlockedID))
	dst = append(append(dst, uint8(len(m.Reason))), m.Reason...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionBlocked) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionBlocked) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.Reason = in.String(r.shortstr())
	return r.end(ConnectionBlockedID)
}

// ConnectionUnblocked tells the client that it may publish again (RabbitMQ).
//
// It is connection.unblocked, sent by the server.
type ConnectionUnblocked struct {
}

// ID returns ConnectionUnblockedID.
func (m *ConnectionUnblocked) ID() MethodID { return ConnectionUnblockedID }

// Append implements Method.
func (m *ConnectionUnblocked) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionUnblockedID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionUnblocked) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionUnblocked) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ConnectionUnblockedID)
}

// ConnectionUpdateSecret replaces a login secret that is about to expire (RabbitMQ).
//
// It is connection.update-secret, sent by the client.
type ConnectionUpdateSecret struct {
	NewSecret string
	Reason    string
}

// ID returns ConnectionUpdateSecretID.
func (m *ConnectionUpdateSecret) ID() MethodID { return ConnectionUpdateSecretID }

// Append implements Method.
func (m *ConnectionUpdateSecret) Append(dst []byte) ([]byte, error) {
	if len(m.NewSecret) > maxLongstr {
		return dst, tooLong(ConnectionUpdateSecretID, "new-secret", len(m.NewSecret))
	}
	if len(m.Reason) > maxShortstr {
		return dst, tooLong(ConnectionUpdateSecretID, "reason", len(m.Reason))
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionUpdateSecretID))
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(m.NewSecret))), m.NewSecret...)
	dst = append(append(dst, uint8(len(m.Reason))), m.Reason...)
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionUpdateSecret) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionUpdateSecret) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	m.NewSecret = string(r.longstr())
	m.Reason = in.String(r.shortstr())
	return r.end(ConnectionUpdateSecretID)
}

// ConnectionUpdateSecretOk says that the new secret was accepted (RabbitMQ).
//
// It is connection.update-secret-ok, sent by the server.
type ConnectionUpdateSecretOk struct {
}

// ID returns ConnectionUpdateSecretOkID.
func (m *ConnectionUpdateSecretOk) ID() MethodID { return ConnectionUpdateSecretOkID }

// Append implements Method.
func (m *ConnectionUpdateSecretOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(ConnectionUpdateSecretOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *ConnectionUpdateSecretOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *ConnectionUpdateSecretOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(ConnectionUpdateSecretOkID)
}

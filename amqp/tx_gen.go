// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

import "encoding/binary"

// TxSelect makes the channel transactional.
//
// It is tx.select, sent by the client.
type TxSelect struct {
}

// ID returns TxSelectID.
func (m *TxSelect) ID() MethodID { return TxSelectID }

// Append implements Method.
func (m *TxSelect) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(TxSelectID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *TxSelect) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *TxSelect) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(TxSelectID)
}

// TxSelectOk says that the channel is transactional.
//
// It is tx.select-ok, sent by the server.
type TxSelectOk struct {
}

// ID returns TxSelectOkID.
func (m *TxSelectOk) ID() MethodID { return TxSelectOkID }

// Append implements Method.
func (m *TxSelectOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(TxSelectOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *TxSelectOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *TxSelectOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(TxSelectOkID)
}

// TxCommit makes the publishes and settlements since the last commit happen.
//
// It is tx.commit, sent by the client.
type TxCommit struct {
}

// ID returns TxCommitID.
func (m *TxCommit) ID() MethodID { return TxCommitID }

// Append implements Method.
func (m *TxCommit) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(TxCommitID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *TxCommit) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *TxCommit) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(TxCommitID)
}

// TxCommitOk says that they happened.
//
// It is tx.commit-ok, sent by the server.
type TxCommitOk struct {
}

// ID returns TxCommitOkID.
func (m *TxCommitOk) ID() MethodID { return TxCommitOkID }

// Append implements Method.
func (m *TxCommitOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(TxCommitOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *TxCommitOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *TxCommitOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(TxCommitOkID)
}

// TxRollback forgets the publishes and settlements since the last commit.
//
// It is tx.rollback, sent by the client.
type TxRollback struct {
}

// ID returns TxRollbackID.
func (m *TxRollback) ID() MethodID { return TxRollbackID }

// Append implements Method.
func (m *TxRollback) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(TxRollbackID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *TxRollback) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *TxRollback) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(TxRollbackID)
}

// TxRollbackOk says that they are forgotten.
//
// It is tx.rollback-ok, sent by the server.
type TxRollbackOk struct {
}

// ID returns TxRollbackOkID.
func (m *TxRollbackOk) ID() MethodID { return TxRollbackOkID }

// Append implements Method.
func (m *TxRollbackOk) Append(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(TxRollbackOkID))
	return dst, nil
}

// AppendFrame implements Method.
func (m *TxRollbackOk) AppendFrame(dst []byte, channel uint16) ([]byte, error) {
	start := len(dst)
	dst, err := m.Append(beginFrame(dst, FrameMethod, channel))
	if err != nil {
		return dst[:start], err
	}
	return endFrame(dst, start), nil
}

// Parse implements Method.
func (m *TxRollbackOk) Parse(args []byte, in *Interner) error {
	r := reader{b: args}
	return r.end(TxRollbackOkID)
}

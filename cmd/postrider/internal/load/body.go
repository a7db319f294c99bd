package load

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
)

// A body, little endian, filled up with noise:
//
//	checksum 4 of all that follows | magic 4 | run 8 | sender 4 | 0 4 | number 8 | due 8, or 0 if it is not timed | noise
const (
	LeastBody = 40
	MostBody  = 16 << 20

	bodyMagic = 0x64616f6c // "load"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A mark is what a body says.
type mark struct {
	Run    uint64
	Sender uint32
	Number uint64
	Due    int64
}

// newBody is a body of noise.
func newBody(size int) []byte {
	b := make([]byte, size)
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(noise.Uint32())
	}
	return b
}

// write makes a body say m.
func (m mark) write(b []byte) {
	binary.LittleEndian.PutUint32(b[4:], bodyMagic)
	binary.LittleEndian.PutUint64(b[8:], m.Run)
	binary.LittleEndian.PutUint32(b[16:], m.Sender)
	binary.LittleEndian.PutUint32(b[20:], 0)
	binary.LittleEndian.PutUint64(b[24:], m.Number)
	binary.LittleEndian.PutUint64(b[32:], uint64(m.Due))
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
}

var (
	errForeign = errors.New("not a message of this load")
	errDamaged = errors.New("the message is damaged")
)

// readMark checks a body and returns what it says.
func readMark(b []byte, run uint64) (m mark, err error) {
	if len(b) < LeastBody || binary.LittleEndian.Uint32(b[4:]) != bodyMagic {
		return m, errForeign
	}
	if crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b) {
		return m, errDamaged
	}
	m = mark{
		Run:    binary.LittleEndian.Uint64(b[8:]),
		Sender: binary.LittleEndian.Uint32(b[16:]),
		Number: binary.LittleEndian.Uint64(b[24:]),
		Due:    int64(binary.LittleEndian.Uint64(b[32:])),
	}
	if m.Run != run || m.Number >= MostMessages {
		return m, errForeign
	}
	return m, nil
}

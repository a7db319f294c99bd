package load

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// MostMessages bounds what one sender sends, and with it a set: 32 MiB.
const MostMessages = 1 << 28

// A set holds message numbers, one bit each.
type set struct {
	words []uint64
	count int
}

// add reports whether the number was not there.
func (s *set) add(n uint64) bool {
	for n/64 >= uint64(len(s.words)) {
		s.words = append(s.words, 0)
	}
	bit := uint64(1) << (n % 64)
	if s.words[n/64]&bit != 0 {
		return false
	}
	s.words[n/64] |= bit
	s.count++
	return true
}

func (s *set) has(n uint64) bool {
	return n/64 < uint64(len(s.words)) && s.words[n/64]&(1<<(n%64)) != 0
}

// merge adds what is in another set, and returns how many of those were there.
func (s *set) merge(other *set) (both int) {
	for len(s.words) < len(other.words) {
		s.words = append(s.words, 0)
	}
	for i, w := range other.words {
		both += bits.OnesCount64(s.words[i] & w)
		s.words[i] |= w
	}
	s.count += other.count - both
	return both
}

// encode is the set for another process. Sets are mostly runs of ones.
func (s *set) encode() ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		err = binary.Write(w, binary.LittleEndian, s.words)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

func decodeSet(b []byte) (*set, error) {
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), MostMessages/8+1))
	if err != nil {
		return nil, fmt.Errorf("a set of numbers: %w", err)
	}
	if len(raw)%8 != 0 || len(raw) > MostMessages/8 {
		return nil, fmt.Errorf("a set of numbers has %d bytes", len(raw))
	}
	s := &set{words: make([]uint64, len(raw)/8)}
	for i := range s.words {
		s.words[i] = binary.LittleEndian.Uint64(raw[8*i:])
		s.count += bits.OnesCount64(s.words[i])
	}
	return s, nil
}

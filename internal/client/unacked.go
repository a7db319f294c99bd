package client

import "math/bits"

// unacked is the set of a channel's delivery tags that are not settled: a bit for each from
// the oldest on. Tags come in order and without gaps.
type unacked struct {
	words []uint64
	head  int    // words[:head] are used up
	base  uint64 // words[head] stands for the tags from 64*base
	last  uint64
}

func (s *unacked) add(tag uint64) {
	word := tag / 64
	if s.head == len(s.words) {
		s.words, s.head, s.base = s.words[:0], 0, word
	}
	for s.base+uint64(len(s.words)-s.head) <= word {
		if s.head > 0 && len(s.words) == cap(s.words) {
			n := copy(s.words, s.words[s.head:])
			s.words, s.head = s.words[:n], 0
		}
		s.words = append(s.words, 0)
	}
	s.words[s.head+int(word-s.base)] |= 1 << (tag % 64)
	s.last = max(s.last, tag)
}

// remove reports whether the tag was there.
func (s *unacked) remove(tag uint64) bool {
	if tag/64 < s.base {
		return false
	}
	i := s.head + int(tag/64-s.base)
	if i >= len(s.words) || s.words[i]&(1<<(tag%64)) == 0 {
		return false
	}
	s.words[i] &^= 1 << (tag % 64)
	for s.head < len(s.words) && s.words[s.head] == 0 {
		s.head++
		s.base++
	}
	return true
}

// oldest is the smallest tag in the set, or the one that comes next if it is empty.
func (s *unacked) oldest() uint64 {
	if s.head == len(s.words) {
		return s.last + 1
	}
	return 64*s.base + uint64(bits.TrailingZeros64(s.words[s.head]))
}

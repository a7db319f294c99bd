package session

// slab gives out the memory of contents, of many small ones from one allocation. Contents that come together mostly go
// together; but one that stays keeps the whole slab, so slabs are small, and a content that comes alone has memory of its own:
// the first of a burst gets just what it needs, and each slab that follows is twice as large, up to most.
type slab struct {
	most int // bytes; 0: no content shares memory with another
	size int // of the last one
	free []byte
}

// part of a slab that a content may be; a larger one has memory of its own.
const slabPart = 4

// take returns an empty slice with room for n bytes.
func (s *slab) take(n int) []byte {
	if n == 0 {
		return []byte{}
	}
	if n > s.most/slabPart {
		return make([]byte, 0, n)
	}
	if n > len(s.free) {
		s.size = min(max(n, 2*s.size), s.most)
		s.free = make([]byte, s.size)
	}
	b := s.free[:0:n]
	s.free = s.free[n:]
	return b
}

// rest lets go of what is left, at the end of a burst.
func (s *slab) rest() { s.size, s.free = 0, nil }

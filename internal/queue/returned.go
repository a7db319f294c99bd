package queue

// returned is a heap of the chunks behind the cursor that have ready slots
// again, the lowest number first. A chunk is in it once, from its first such
// slot until its last.
type returned[M any] []*chunk[M]

func (h *returned[M]) push(c *chunk[M]) {
	*h = append(*h, c)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if s[up].number <= c.number {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = c
}

// pop removes the first chunk. A heap that was large gives its memory back when it is empty.
func (h *returned[M]) pop() {
	s := *h
	end := len(s) - 1
	last := s[end]
	s[end] = nil
	s = s[:end]
	switch {
	case end > 0:
		s.sink(last)
	case cap(s) > shrinkFrom:
		s = nil
	}
	*h = s
}

// sink puts a chunk into the hole at the top and lets it sink to its place.
func (h returned[M]) sink(c *chunk[M]) {
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if right := down + 1; right < len(h) && h[right].number < h[down].number {
			down = right
		}
		if c.number <= h[down].number {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = c
}

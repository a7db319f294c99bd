package session

import (
	"iter"
	"math/bits"
)

// window is the set of outstanding tags of one channel. Tags count from 1 and
// never repeat; each carries a value until it is settled.
//
//	dir:     [ nil | chunk | nil | nil | chunk | chunk ]
//	tags:      ^first*64+1                        ^last
//
// Tags are dense, so a tag is an address: a chunk holds 64 of them and one
// word that says which are still live. A chunk whose tags are all settled is
// given back whatever its age: one forgotten tag among 100 million settled
// ones costs a chunk and 8 bytes of directory for every 64 tags after it.
// Every operation is O(1) amortised; the steady state allocates nothing.
type window[T any] struct {
	dir   []*chunk[T]
	head  int    // dir[:head] is unused
	first uint64 // the number of the chunk at dir[head]
	last  uint64 // the last tag given out, 0 = none
	live  int

	spare  *chunk[T]
	spares int
}

const (
	chunkTags = 64
	maxSpares = 16
)

type chunk[T any] struct {
	live uint64
	next *chunk[T] // among the spares
	vals [chunkTags]T
}

// add gives v the next tag.
func (w *window[T]) add(v T) uint64 {
	c, i := w.claim()
	c.vals[i] = v
	c.live |= 1 << i
	w.live++
	return w.last
}

// skip gives out the next tag with nothing to settle.
func (w *window[T]) skip() uint64 {
	c, i := w.claim()
	if i == chunkTags-1 && c.live == 0 {
		w.free(len(w.dir) - 1)
	}
	return w.last
}

// claim takes the next tag's place.
func (w *window[T]) claim() (*chunk[T], uint64) {
	i := w.last % chunkTags
	if i == 0 {
		w.push()
	}
	w.last++
	return w.dir[len(w.dir)-1], i
}

func (w *window[T]) push() {
	if w.head == len(w.dir) {
		w.dir, w.head, w.first = w.dir[:0], 0, w.last/chunkTags
	}
	if len(w.dir) == cap(w.dir) && w.head > len(w.dir)/2 {
		n := copy(w.dir, w.dir[w.head:])
		clear(w.dir[n:])
		w.dir, w.head = w.dir[:n], 0
	}
	w.dir = append(w.dir, w.newChunk())
}

func (w *window[T]) newChunk() *chunk[T] {
	c := w.spare
	if c == nil {
		return new(chunk[T])
	}
	w.spare, c.next = c.next, nil
	w.spares--
	return c
}

// find returns where a live tag is.
func (w *window[T]) find(tag uint64) (at int, bit uint64, ok bool) {
	if tag == 0 || tag > w.last || (tag-1)/chunkTags < w.first {
		return 0, 0, false
	}
	at = w.head + int((tag-1)/chunkTags-w.first)
	bit = 1 << ((tag - 1) % chunkTags)
	if at >= len(w.dir) || w.dir[at] == nil || w.dir[at].live&bit == 0 {
		return 0, 0, false
	}
	return at, bit, true
}

// take settles one live tag.
func (w *window[T]) take(at int, bit uint64, each func(T)) {
	c := w.dir[at]
	w.drain(c, bit, each)
	w.release(at)
}

// takeUpTo settles every live tag up to and including tag, in order.
func (w *window[T]) takeUpTo(tag uint64, each func(T)) {
	for at := w.head; at < len(w.dir) && tag > 0; at++ {
		number := w.first + uint64(at-w.head)
		if number > (tag-1)/chunkTags {
			break
		}
		mask := ^uint64(0)
		if number == (tag-1)/chunkTags {
			mask >>= chunkTags - 1 - (tag-1)%chunkTags
		}
		if c := w.dir[at]; c != nil {
			w.drain(c, c.live&mask, each)
		}
	}
	w.sweep()
}

// drain hands over the values of the tags in mask and forgets them.
func (w *window[T]) drain(c *chunk[T], mask uint64, each func(T)) {
	c.live &^= mask
	w.live -= bits.OnesCount64(mask)
	for ; mask != 0; mask &= mask - 1 {
		i := bits.TrailingZeros64(mask)
		v := c.vals[i]
		var zero T
		c.vals[i] = zero
		if each != nil {
			each(v)
		}
	}
}

// sweep gives back the settled chunks at the old end.
func (w *window[T]) sweep() {
	for at := w.head; at < len(w.dir); at = w.head {
		if c := w.dir[at]; c != nil && (c.live != 0 || !w.full(at)) {
			return
		}
		w.free(at)
	}
}

// release gives back the chunk at dir[at] once no tag of it is live.
func (w *window[T]) release(at int) {
	if w.dir[at].live == 0 && w.full(at) {
		w.free(at)
	}
}

// full tells whether all tags of the chunk at dir[at] were given out.
func (w *window[T]) full(at int) bool {
	return at < len(w.dir)-1 || w.last%chunkTags == 0
}

// free drops the chunk at dir[at], and whatever is then unused at the old end.
func (w *window[T]) free(at int) {
	if c := w.dir[at]; c != nil && w.spares < maxSpares {
		c.next, w.spare = w.spare, c
		w.spares++
	}
	w.dir[at] = nil
	for w.head < len(w.dir) && w.dir[w.head] == nil {
		w.head++
		w.first++
	}
}

// all walks the live tags in order. The window must not change meanwhile.
func (w *window[T]) all() iter.Seq2[uint64, T] {
	return func(yield func(uint64, T) bool) {
		for at := w.head; at < len(w.dir); at++ {
			c := w.dir[at]
			if c == nil {
				continue
			}
			base := (w.first+uint64(at-w.head))*chunkTags + 1
			for live := c.live; live != 0; live &= live - 1 {
				i := bits.TrailingZeros64(live)
				if !yield(base+uint64(i), c.vals[i]) {
					return
				}
			}
		}
	}
}

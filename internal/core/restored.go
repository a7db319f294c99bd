package core

import (
	"maps"
	"math/bits"
	"slices"
)

// restored are the entries of a queue while it is recovered: mostly runs of
// positions, which cost little more than what the queue itself will need.
type restored struct {
	n      int
	groups map[uint64]*restoredGroup // by position / 64
	recent *restoredGroup
}

type restoredGroup struct {
	number uint64
	there  uint64 // a bit for each entry
	marked uint64 // a bit for each that may have been delivered
	refs   [64]ref
}

func (r *restored) group(number uint64) *restoredGroup {
	if r.recent == nil || r.recent.number != number {
		r.recent = r.groups[number]
	}
	return r.recent
}

// put enters a message and returns what was there before.
func (r *restored) put(pos uint64, m ref) (old ref, was bool) {
	g := r.group(pos / 64)
	if g == nil {
		if r.groups == nil {
			r.groups = map[uint64]*restoredGroup{}
		}
		g = &restoredGroup{number: pos / 64}
		r.groups[g.number], r.recent = g, g
	}
	bit := uint64(1) << (pos % 64)
	old, was = g.refs[pos%64], g.there&bit != 0
	g.refs[pos%64] = m
	if !was {
		g.there |= bit
		r.n++
	}
	return old, was
}

// has says whether there is an entry.
func (r *restored) has(pos uint64) bool {
	g := r.group(pos / 64)
	return g != nil && g.there>>(pos%64)&1 != 0
}

// mark notes that an entry may have been delivered.
func (r *restored) mark(pos uint64) {
	if g := r.group(pos / 64); g != nil {
		g.marked |= g.there & (1 << (pos % 64))
	}
}

// take removes an entry.
func (r *restored) take(pos uint64) (m ref, ok bool) {
	g := r.group(pos / 64)
	bit := uint64(1) << (pos % 64)
	if g == nil || g.there&bit == 0 {
		return m, false
	}
	m = g.refs[pos%64]
	g.refs[pos%64] = ref{}
	g.there &^= bit
	g.marked &^= bit
	r.n--
	if g.there == 0 {
		delete(r.groups, g.number)
		r.recent = nil
	}
	return m, true
}

// drain removes all entries, in the order of their positions.
func (r *restored) drain(each func(pos uint64, m ref, marked bool)) {
	groups := r.groups
	*r = restored{}
	for _, number := range slices.Sorted(maps.Keys(groups)) {
		g := groups[number]
		delete(groups, number)
		for word := g.there; word != 0; word &= word - 1 {
			slot := uint64(bits.TrailingZeros64(word))
			each(number*64+slot, g.refs[slot], g.marked>>slot&1 != 0)
		}
	}
}

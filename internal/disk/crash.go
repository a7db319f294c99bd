package disk

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sector is the unit in which a disk writes: a whole one is written or none of it.
const sector = 512

// inode is a file's contents, whatever its names. Its Mem's lock guards it.
type inode struct {
	data  []byte             // what a running process reads
	safe  []byte             // what survives a crash for certain
	dirty map[int64][][]byte // by sector: each version written since the last Sync, oldest first
}

func newInode(data []byte) *inode {
	return &inode{data: data, safe: slices.Clone(data), dirty: map[int64][][]byte{}}
}

func (n *inode) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	end := off + int64(len(p))
	n.data = resize(n.data, max(end, int64(len(n.data))))
	copy(n.data[off:], p)
	for s := off / sector; s*sector < end; s++ {
		n.dirty[s] = append(n.dirty[s], n.sector(n.data, s))
	}
}

// sector returns a copy of sector s of data, filled up with zeros.
func (n *inode) sector(data []byte, s int64) []byte {
	b := make([]byte, sector)
	if s*sector < int64(len(data)) {
		copy(b, data[s*sector:])
	}
	return b
}

func (n *inode) truncate(size int64) {
	n.data = resize(n.data, size)
	for s := range n.dirty {
		if s*sector >= size {
			delete(n.dirty, s)
		}
	}
	if size%sector != 0 {
		s := size / sector
		n.dirty[s] = append(n.dirty[s], n.sector(n.data, s))
	}
}

func (n *inode) sync() {
	n.safe = resize(n.safe, int64(len(n.data)))
	for s, versions := range n.dirty {
		if s*sector < int64(len(n.safe)) {
			copy(n.safe[s*sector:], versions[len(versions)-1])
		}
	}
	clear(n.dirty)
}

// resize sets b's length; what is new is zero.
func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// Crash returns the disk as it may be found after the power failed now: everything that was synced, and any subset, chosen by the
// seed, of what was not: sectors and 4 KiB pages of contents, each in any version it had; lengths; names. The disk itself
// goes on as if nothing had happened, so that one run can be crashed at every step.
func (m *Mem) Crash(seed uint64) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	odds := []float64{0, 0.1, 0.5, 0.9, 1}[r.IntN(5)]
	names := maps.Clone(m.safe)
	for _, c := range m.pending {
		if r.Float64() < odds {
			c.apply(names)
		}
	}
	after := NewMem()
	survivors := map[*inode]*inode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		node := names[name]
		if survivors[node] == nil {
			survivors[node] = newInode(node.crash(r, odds))
		}
		after.seen[name] = survivors[node]
	}
	after.safe = maps.Clone(after.seen)
	return after
}

// crash returns what is left of the contents: what is safe, and each unsynced sector or page at the given odds.
func (n *inode) crash(r *rand.Rand, odds float64) []byte {
	unit := []int64{1, 8}[r.IntN(2)]
	left, took := slices.Clone(n.safe), map[int64]bool{}
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if _, ok := took[s/unit]; !ok {
			took[s/unit] = r.Float64() < odds
		}
		if !took[s/unit] {
			continue
		}
		versions := n.dirty[s]
		version := versions[len(versions)-1]
		if r.IntN(4) == 0 {
			version = versions[r.IntN(len(versions))]
		}
		left = resize(left, max(int64(len(left)), (s+1)*sector))
		copy(left[s*sector:], version)
	}
	return resize(left, n.crashLength(r, int64(len(left))))
}

// crashLength chooses the length: the safe one, the one that the process saw, or where the last surviving sector ends.
func (n *inode) crashLength(r *rand.Rand, reached int64) int64 {
	seen, safe := int64(len(n.data)), int64(len(n.safe))
	lengths := []int64{safe, seen, max(safe, min(reached, seen))}
	return lengths[r.IntN(len(lengths))]
}

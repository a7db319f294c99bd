package route

import (
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// A trie is an immutable map from strings to V: a hash trie with 32 ways.
//
// An update copies the nodes on the path to the key, four or five of them for a hundred thousand keys, and shares all the others with the
// map it started from, which stays valid and unchanged. The zero trie is empty. It may be copied and read by any number
// of goroutines.
//
//	            ┌─ leaf "jobs"
//	root ─ 5 bits of the hash ─┼─ node ─ next 5 bits ─┬─ leaf "mail"
//	            └─ leaf "prices"                      └─ node ─ …
//
// The hash has no secret, so that a run can be repeated. Whoever finds keys with equal hashes gains little: such keys
// share one sorted bucket, and looking one up stays logarithmic.
type trie[V any] struct {
	root *node[V]
	size int
}

// A node has a leaf or a child, never both, for each of the 32 values of its five bits of the hash. A bucket, below the
// last bits of the hash, has leaves only, sorted by key.
type node[V any] struct {
	leafMap, kidMap uint32
	leaves          []leaf[V]
	kids            []*node[V]
}

type leaf[V any] struct {
	key   string
	value V
}

const (
	hashBits  = 64
	levelBits = 5
)

// spread is the hash of the trie's keys: their length and all octets, eight at a time, mixed so that short keys which differ in their last
// byte spread over the first levels too.
func spread[K string | []byte](key K) uint64 {
	const k = 0x9e3779b97f4a7c15
	h := uint64(len(key)) * k
	for len(key) >= 8 {
		w := uint64(key[0]) | uint64(key[1])<<8 | uint64(key[2])<<16 | uint64(key[3])<<24 |
			uint64(key[4])<<32 | uint64(key[5])<<40 | uint64(key[6])<<48 | uint64(key[7])<<56
		h = bits.RotateLeft64((h^w)*k, 29)
		key = key[8:]
	}
	var w uint64
	for i := range len(key) {
		w |= uint64(key[i]) << (8 * uint(i))
	}
	h = (h ^ w) * k
	h ^= h >> 32
	h *= k
	return h ^ h>>29
}

func bitOf(h uint64, shift uint) uint32 { return 1 << (h >> shift & (1<<levelBits - 1)) }

// rank counts the bits of m below bit: the index of bit's element in a slice that holds one element a set bit.
func rank(m, bit uint32) int { return bits.OnesCount32(m & (bit - 1)) }

func (t trie[V]) len() int { return t.size }

func (t trie[V]) get(key string) (v V, ok bool) {
	if l := find(t, key); l != nil {
		return l.value, true
	}
	return v, false
}

// find returns the leaf of a key, or nil. It does not allocate.
func find[V any, K string | []byte](t trie[V], key K) *leaf[V] {
	h := spread(key)
	n := t.root
	for shift := uint(0); n != nil; shift += levelBits {
		if shift >= hashBits {
			return n.bucketLeaf(string(key))
		}
		bit := bitOf(h, shift)
		if n.kidMap&bit != 0 {
			n = n.kids[rank(n.kidMap, bit)]
			continue
		}
		if n.leafMap&bit == 0 {
			break
		}
		if l := &n.leaves[rank(n.leafMap, bit)]; l.key == string(key) {
			return l
		}
		break
	}
	return nil
}

// with returns the map in which key has the value v.
func (t trie[V]) with(key string, v V) trie[V] {
	root, added := t.root.with(leaf[V]{key, v}, spread(key), 0)
	if added {
		t.size++
	}
	return trie[V]{root, t.size}
}

// without returns the map that lacks key.
func (t trie[V]) without(key string) trie[V] {
	root, removed := t.root.without(key, spread(key), 0)
	if !removed {
		return t
	}
	if root.empty() {
		root = nil
	}
	return trie[V]{root, t.size - 1}
}

// all yields every key and value, in an order that depends on nothing but the keys in the map.
func (t trie[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) { t.root.each(yield) }
}

func (n *node[V]) each(yield func(string, V) bool) bool {
	if n == nil {
		return true
	}
	for i := range n.leaves {
		if !yield(n.leaves[i].key, n.leaves[i].value) {
			return false
		}
	}
	for _, kid := range n.kids {
		if !kid.each(yield) {
			return false
		}
	}
	return true
}

func (n *node[V]) empty() bool { return len(n.leaves) == 0 && len(n.kids) == 0 }

// with returns a copy of n that holds l, and whether l's key is new to it. A nil n is an empty node.
func (n *node[V]) with(l leaf[V], h uint64, shift uint) (_ *node[V], added bool) {
	var c node[V]
	if n != nil {
		c = *n
	}
	if shift >= hashBits {
		return c.bucketWith(l)
	}
	bit := bitOf(h, shift)
	i := rank(c.leafMap, bit)
	switch {
	case c.kidMap&bit != 0:
		k := rank(c.kidMap, bit)
		kid, added := c.kids[k].with(l, h, shift+levelBits)
		c.kids = replaced(c.kids, k, kid)
		return &c, added
	case c.leafMap&bit == 0:
		c.leafMap |= bit
		c.leaves = inserted(c.leaves, i, l)
		return &c, true
	case c.leaves[i].key == l.key:
		c.leaves = replaced(c.leaves, i, l)
		return &c, false
	}
	c.push(bit, shift, l, h)
	return &c, true
}

// push moves the leaf in bit's place one level down and adds l beside it. n must be a copy that nobody else has seen.
func (n *node[V]) push(bit uint32, shift uint, l leaf[V], h uint64) {
	i := rank(n.leafMap, bit)
	old := n.leaves[i]
	var kid *node[V]
	kid, _ = kid.with(old, spread(old.key), shift+levelBits)
	kid, _ = kid.with(l, h, shift+levelBits)
	n.leafMap &^= bit
	n.leaves = removed(n.leaves, i)
	n.kids = inserted(n.kids, rank(n.kidMap, bit), kid)
	n.kidMap |= bit
}

// without returns a copy of n that lacks key, and whether n had it; if not, n itself.
func (n *node[V]) without(key string, h uint64, shift uint) (_ *node[V], ok bool) {
	if n == nil {
		return nil, false
	}
	if shift >= hashBits {
		return n.bucketWithout(key)
	}
	c := *n
	bit := bitOf(h, shift)
	if n.kidMap&bit != 0 {
		k := rank(n.kidMap, bit)
		kid, ok := n.kids[k].without(key, h, shift+levelBits)
		if !ok {
			return n, false
		}
		c.setKid(bit, k, kid)
		return &c, true
	}
	i := rank(n.leafMap, bit)
	if n.leafMap&bit == 0 || n.leaves[i].key != key {
		return n, false
	}
	c.leafMap &^= bit
	c.leaves = removed(n.leaves, i)
	return &c, true
}

// setKid puts kid in bit's place, k of the children. A child with one leaf and nothing else is pulled up as a leaf, so
// that a map's shape depends on its keys and not on its history.
func (n *node[V]) setKid(bit uint32, k int, kid *node[V]) {
	if len(kid.leaves) != 1 || len(kid.kids) != 0 {
		n.kids = replaced(n.kids, k, kid)
		return
	}
	n.kidMap &^= bit
	n.kids = removed(n.kids, k)
	n.leaves = inserted(n.leaves, rank(n.leafMap, bit), kid.leaves[0])
	n.leafMap |= bit
}

func (n *node[V]) bucketFind(key string) (int, bool) {
	return slices.BinarySearchFunc(n.leaves, key, func(l leaf[V], key string) int { return strings.Compare(l.key, key) })
}

func (n *node[V]) bucketLeaf(key string) *leaf[V] {
	if i, ok := n.bucketFind(key); ok {
		return &n.leaves[i]
	}
	return nil
}

func (n *node[V]) bucketWith(l leaf[V]) (_ *node[V], added bool) {
	i, found := n.bucketFind(l.key)
	if found {
		return &node[V]{leaves: replaced(n.leaves, i, l)}, false
	}
	return &node[V]{leaves: inserted(n.leaves, i, l)}, true
}

func (n *node[V]) bucketWithout(key string) (_ *node[V], ok bool) {
	i, found := n.bucketFind(key)
	if !found {
		return n, false
	}
	return &node[V]{leaves: removed(n.leaves, i)}, true
}

// inserted, replaced and removed return changed copies and leave s alone.

func inserted[E any](s []E, i int, e E) []E {
	c := make([]E, len(s)+1)
	copy(c, s[:i])
	c[i] = e
	copy(c[i+1:], s[i:])
	return c
}

func replaced[E any](s []E, i int, e E) []E {
	c := slices.Clone(s)
	c[i] = e
	return c
}

func removed[E any](s []E, i int) []E {
	if len(s) == 1 {
		return nil
	}
	c := make([]E, len(s)-1)
	copy(c, s[:i])
	copy(c[i:], s[i+1:])
	return c
}

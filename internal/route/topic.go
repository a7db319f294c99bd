package route

import (
	"math/bits"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// MaxWords is how many words a topic exchange takes in a routing key or a pattern.
const MaxWords = 128

// A topicNode stands for the patterns that begin with the words on the way to it, and holds what the pattern that ends
// there leads to. It is immutable; nil is a node without patterns.
//
//	root ─ "order" ─┬─ "paid"  → a      order.paid
//	                ├─ *       → b      order.*
//	                └─ #       → c      order.#
type topicNode[Q comparable] struct {
	here  ports[Q]
	words trie[*topicNode[Q]]
	one   *topicNode[Q] // below *
	many  *topicNode[Q] // below #; never has a many itself, as #.# says no more than #
}

// pattern splits a binding's key into words.
func pattern(key string) []string {
	var words []string
	for word := range strings.SplitSeq(key, ".") {
		if word == "#" && len(words) > 0 && words[len(words)-1] == "#" {
			continue
		}
		words = append(words, word)
	}
	if key == "" {
		return nil
	}
	return words
}

func checkWords(key string) error {
	if strings.Count(key, ".") < MaxWords {
		return nil
	}
	return amqp.Errorf(amqp.PreconditionFailed, "routing key '%s' has more than the %d words that a topic exchange takes", key, MaxWords)
}

// with returns a copy of n in which the pattern leads to p as well.
func (n *topicNode[Q]) with(pattern []string, p port[Q]) *topicNode[Q] {
	var c topicNode[Q]
	if n != nil {
		c = *n
	}
	if len(pattern) == 0 {
		c.here = c.here.with(p)
		return &c
	}
	c.setChild(pattern[0], c.child(pattern[0]).with(pattern[1:], p))
	return &c
}

// without returns a copy of n in which the pattern leads to the destination of b once less, or nil if no pattern is left.
func (n *topicNode[Q]) without(pattern []string, b *binding) *topicNode[Q] {
	if n == nil {
		return nil
	}
	c := *n
	if len(pattern) == 0 {
		c.here = c.here.without(b)
	} else {
		c.setChild(pattern[0], c.child(pattern[0]).without(pattern[1:], b))
	}
	if c.here.len() == 0 && c.words.len() == 0 && c.one == nil && c.many == nil {
		return nil
	}
	return &c
}

func (n *topicNode[Q]) child(word string) *topicNode[Q] {
	switch word {
	case "*":
		return n.one
	case "#":
		return n.many
	}
	child, _ := n.words.get(word)
	return child
}

func (n *topicNode[Q]) setChild(word string, child *topicNode[Q]) {
	switch {
	case word == "*":
		n.one = child
	case word == "#":
		n.many = child
	case child == nil:
		n.words = n.words.without(word)
	default:
		n.words = n.words.with(word, child)
	}
}

// match follows the patterns below root that match the message's key.
func (w *walk[Q]) match(root *topicNode[Q], key string) error {
	if root == nil {
		return nil
	}
	if err := checkWords(key); err != nil {
		return err
	}
	var k topicKey
	k.split(key)
	w.matchNode(root, &k, only(0))
	return nil
}

// matchNode follows the patterns at and below n. The words on the way to n match the key's first p words, for each p in at.
//
// A node has one way to it, and is visited once with all those numbers together. So the work is bounded by the nodes and
// by the key's words, and no pattern of many # can make it explode.
func (w *walk[Q]) matchNode(n *topicNode[Q], k *topicKey, at positions) {
	if at.has(k.n) {
		w.follow(n.here)
	}
	if n.many != nil {
		w.matchNode(n.many, k, k.from(at.next(0)))
	}
	at.remove(k.n)
	if at.empty() {
		return
	}
	if n.one != nil {
		w.matchNode(n.one, k, at.advanced())
	}
	if n.words.len() == 0 {
		return
	}
	for p := at.next(0); p < k.n; p = at.next(p + 1) {
		same := k.takeSame(&at, p)
		if child, ok := n.words.get(k.word(p)); ok {
			w.matchNode(child, k, same.advanced())
		}
	}
}

// A topicKey is a routing key of n words.
type topicKey struct {
	key  string
	n    int
	ends [MaxWords]uint16 // where each word ends
}

func (k *topicKey) split(key string) {
	k.key = key
	if key == "" {
		return
	}
	for i := range len(key) {
		if key[i] == '.' {
			k.ends[k.n] = uint16(i)
			k.n++
		}
	}
	k.ends[k.n] = uint16(len(key))
	k.n++
}

func (k *topicKey) word(p int) string {
	if p == 0 {
		return k.key[:k.ends[0]]
	}
	return k.key[int(k.ends[p-1])+1 : k.ends[p]]
}

// from returns every position from p to the end of the key.
func (k *topicKey) from(p int) (s positions) {
	for ; p <= k.n; p++ {
		s.add(p)
	}
	return s
}

// takeSame moves p, and the later positions at which the same word follows, from at into a set of their own.
func (k *topicKey) takeSame(at *positions, p int) (same positions) {
	word := k.word(p)
	for ; p < k.n; p = at.next(p + 1) {
		if k.word(p) == word {
			at.remove(p)
			same.add(p)
		}
	}
	return same
}

// positions is a set of numbers from 0 to MaxWords: how many words of the key have been matched.
type positions [3]uint64

func only(p int) (s positions) {
	s.add(p)
	return s
}

func (s *positions) add(p int)      { s[p/64] |= 1 << (p % 64) }
func (s *positions) remove(p int)   { s[p/64] &^= 1 << (p % 64) }
func (s *positions) has(p int) bool { return s[p/64]>>(p%64)&1 != 0 }
func (s *positions) empty() bool    { return s[0]|s[1]|s[2] == 0 }

// next returns the lowest member from p on, or a number above MaxWords if there is none.
func (s *positions) next(p int) int {
	for i := p / 64; i < len(s); i++ {
		if m := s[i] >> (p % 64); m != 0 {
			return p + bits.TrailingZeros64(m)
		}
		p = (i + 1) * 64
	}
	return p
}

// advanced returns the set with one more word matched in each case.
func (s positions) advanced() positions {
	return positions{s[0] << 1, s[1]<<1 | s[0]>>63, s[2]<<1 | s[1]>>63}
}

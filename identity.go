package postrider

import (
	"crypto/rand"
	"sync/atomic"
)

// identity makes the ids of a node's messages: a random part that is the node's own for as
// long as it runs, and a count.
type identity struct {
	prefix string
	count  atomic.Uint64
}

func newIdentity() *identity { return &identity{prefix: rand.Text()[:16] + "-"} }

func (n *identity) next() messageID { return messageID{of: n, count: n.count.Add(1)} }

// messageID is an id that is written out only where its text is needed.
type messageID struct {
	of    *identity
	count uint64
	own   string // of the caller's choosing; the others are unused
}

const (
	generatedPrefix = 16 + 1
	// maxGeneratedID is the longest text of a generated id.
	maxGeneratedID = generatedPrefix + 13
)

func (id messageID) appendTo(b []byte) []byte {
	if id.of == nil {
		return append(b, id.own...)
	}
	return appendCount(append(b, id.of.prefix...), id.count)
}

// appendCount appends n to the base 36: strconv.AppendUint divides by a base that it does not know, for each digit.
func appendCount(b []byte, n uint64) []byte {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var text [13]byte
	at := len(text) - 1
	for ; n >= 36; at-- {
		text[at] = digits[n%36]
		n /= 36
	}
	text[at] = digits[n]
	return append(b, text[at:]...)
}

func (id messageID) String() string {
	if id.of == nil {
		return id.own
	}
	var buf [maxGeneratedID]byte
	return string(id.appendTo(buf[:0]))
}

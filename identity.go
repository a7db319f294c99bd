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
	count uint64 // 0: the prefix is all of it
}

// ownID is one of the caller's choosing.
func ownID(id string) messageID { return messageID{of: &identity{prefix: id}} }

const (
	generatedPrefix = 16 + 1
	// maxGeneratedID is the longest text of a generated id.
	maxGeneratedID = generatedPrefix + 13
)

func (id messageID) appendTo(b []byte) []byte {
	if id.of == nil {
		return b
	}
	b = append(b, id.of.prefix...)
	if id.count == 0 {
		return b
	}
	return appendCount(b, id.count)
}

// appendCount appends n to the base 36, two digits at a time: strconv.AppendUint divides by a base that it does not know, for each digit.
func appendCount(b []byte, n uint64) []byte {
	var text [14]byte
	at := len(text)
	for ; n >= 36; n /= uint64(len(pairs)) {
		at -= 2
		p := &pairs[n%uint64(len(pairs))]
		text[at], text[at+1] = p[0], p[1]
	}
	if n > 0 || at == len(text) {
		at--
		text[at] = digits[n]
	}
	return append(b, text[at:]...)
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz"

// pairs are all numbers of two digits.
var pairs = func() (p [36 * 36][2]byte) {
	for n := range p {
		p[n] = [2]byte{digits[n/36], digits[n%36]}
	}
	return p
}()

func (id messageID) String() string {
	switch {
	case id.of == nil:
		return ""
	case id.count == 0:
		return id.of.prefix
	}
	var buf [maxGeneratedID]byte
	return string(id.appendTo(buf[:0]))
}

package postrider

import (
	"crypto/rand"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/pack"
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
	maxGeneratedID = generatedPrefix + maxCount
	maxCount       = 13 // digits
)

func (id messageID) appendTo(b []byte) []byte {
	if id.of == nil {
		return b
	}
	b = append(b, id.of.prefix...)
	if id.count == 0 {
		return b
	}
	return pack.AppendCount(b, id.count)
}

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

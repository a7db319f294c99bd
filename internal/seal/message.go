package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Wish is what a sender wants to hear.
type Wish byte

const (
	Nothing Wish = iota
	Answer       // to a call
	Receipt      // when it was handled
)

// Bound is what is plain about a message, for brokers and receivers need it, and cannot be changed all the same.
type Bound struct {
	ID          []byte
	Correlation []byte
	Key         []byte // what it is about
	Control     []byte // what a control message is about
	Wish        Wish
}

// Content is what nobody else reads.
type Content struct {
	Time    time.Time // when it was sealed; to the millisecond
	Type    string    // at most 255 bytes
	Headers []byte    // an encoded table, or nothing
	Body    []byte
}

const (
	nonceSize = 12
	tagSize   = 16
	magic     = "\xf5PS\x01"
)

// Secret seals and opens under one data key. Any number of goroutines may use it.
type Secret struct {
	hash [sha256.Size]byte // of the grant
	key  []byte
	aead cipher.AEAD
}

func newSecret(grant, key []byte) (s Secret, err error) {
	s.hash, s.key = sha256.Sum256(grant), key
	s.aead, err = newAEAD(key)
	return s, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (b *Bound) size() int {
	return sha256.Size + 1 + 4*4 + len(b.ID) + len(b.Correlation) + len(b.Key) + len(b.Control)
}

// append is what is authenticated with a message.
func (b *Bound) append(dst []byte, hash *[sha256.Size]byte) []byte {
	dst = append(dst, hash[:]...)
	dst = append(dst, byte(b.Wish))
	for _, v := range [...][]byte{b.ID, b.Correlation, b.Key, b.Control} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
		dst = append(dst, v...)
	}
	return dst
}

func (c *Content) size() int { return 8 + 1 + len(c.Type) + 4 + len(c.Headers) + len(c.Body) }

func (c *Content) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.Time.UnixMilli()))
	dst = append(dst, byte(len(c.Type)))
	dst = append(dst, c.Type...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(c.Headers)))
	dst = append(dst, c.Headers...)
	return append(dst, c.Body...)
}

func parseContent(b []byte) (v View, ok bool) {
	c := cutter{rest: b}
	v.Time = c.int64()
	v.Type = c.take(int(c.byte()))
	if n := c.take(4); n != nil {
		v.Headers = c.take(int(binary.BigEndian.Uint32(n)))
	}
	v.Body = c.rest
	return v, !c.failed
}

// View is a Content that was opened, in memory of its own.
type View struct {
	Time    int64 // milliseconds since 1970
	Type    []byte
	Headers []byte
	Body    []byte
}

// Seal makes the message of a number that Next has given. It allocates once.
func (e *Epoch) Seal(number uint64, b *Bound, c *Content) ([]byte, error) {
	if len(c.Type) > 255 {
		return nil, fmt.Errorf("the content type %.20q… has %d bytes, 255 are allowed", c.Type, len(c.Type))
	}
	size := len(magic) + 2 + len(e.grant) + nonceSize + c.size() + tagSize
	out := make([]byte, 0, size+b.size()) // what is bound lies behind the message, which ends before it
	out = append(out, magic...)
	out = appendBytes(out, e.grant)
	nonce := len(out)
	out = append(out, 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint64(out, number)
	at := len(out)
	out = c.append(out)
	bound := b.append(out[size:size], &e.hash)
	return e.aead.Seal(out[:at], out[nonce:at:at], out[at:], bound)[:size:size], nil
}

// Cut finds the grant in a sealed message.
func Cut(message []byte) (grant, sealed []byte, err error) {
	c := cutter{rest: message}
	if string(c.take(len(magic))) != magic {
		return nil, nil, ErrForm
	}
	grant = c.bytes()
	if c.failed || len(c.rest) < nonceSize+tagSize {
		return nil, nil, ErrForm
	}
	return grant, c.rest, nil
}

// Granted is a grant that was verified and opened.
type Granted struct {
	Secret
	Sender                string
	Target                Target
	starts, ends, expires int64
}

// Open opens what Cut has left of a message under the grant. It allocates once.
func (g *Granted) Open(sealed []byte, b *Bound, now time.Time) (View, error) {
	if now.UnixMilli() >= g.expires {
		return View{}, ErrExpired
	}
	if len(sealed) < nonceSize+tagSize {
		return View{}, ErrForm
	}
	size := len(sealed) - nonceSize - tagSize
	out := make([]byte, size+b.size())
	bound := b.append(out[size:size], &g.hash)
	plain, err := g.aead.Open(out[:0:size], sealed[:nonceSize], sealed[nonceSize:], bound)
	if err != nil {
		return View{}, ErrForged
	}
	v, ok := parseContent(plain)
	if !ok || v.Time < g.starts || v.Time > g.ends {
		return View{}, ErrForm
	}
	return v, nil
}

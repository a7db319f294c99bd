package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// bodySize is that of every message.
const bodySize = 100

// A body says which message it is and is full of what only that message has:
//
//	number 8 | sent 8, or 0 | flags 1 | pattern, from a place that the number tells
const (
	atSent    = 8
	atFlags   = 16
	atPattern = 17

	flagLast = 1
)

var pattern = func() []byte {
	p := make([]byte, 256+bodySize)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}()

func patternOf(number uint64) []byte {
	return pattern[number&255:][:bodySize-atPattern]
}

// writeBody fills b. sent is 0 for a message that is not timed.
func writeBody(b []byte, number uint64, sent int64, last bool) {
	binary.LittleEndian.PutUint64(b, number)
	binary.LittleEndian.PutUint64(b[atSent:], uint64(sent))
	b[atFlags] = 0
	if last {
		b[atFlags] = flagLast
	}
	copy(b[atPattern:], patternOf(number))
}

// An audit checks the messages of one sender as they come.
type audit struct{ count uint64 }

// check returns when the message was sent, 0 if it is not timed, and whether it is the last one.
func (a *audit) check(b []byte) (sent int64, last bool, err error) {
	if len(b) != bodySize {
		return 0, false, fmt.Errorf("message %d has %d bytes, want %d", a.count, len(b), bodySize)
	}
	number := binary.LittleEndian.Uint64(b)
	if number != a.count {
		return 0, false, fmt.Errorf("message %d came, want %d: lost, repeated or out of order", number, a.count)
	}
	if !bytes.Equal(b[atPattern:], patternOf(number)) {
		return 0, false, fmt.Errorf("message %d is damaged", number)
	}
	a.count++
	return int64(binary.LittleEndian.Uint64(b[atSent:])), b[atFlags]&flagLast != 0, nil
}

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// Sizes of a body, in bytes. Rows have usualBody unless they say otherwise.
const (
	usualBody = 100
	leastBody = atPattern
	mostBody  = 1 << 20
)

// A body says which message it is and is full of what only that message has:
//
//	number 8 | sent 8, or 0; the top bit set in the last message | pattern, from a place that the number tells
//
// Where many send, the upper 16 bits of the number say who did. peers/zmq.c and peers/pika.py make and check the same.
const (
	atSent    = 8
	atPattern = 16

	flagLast = 1 << 63
	ownPart  = 48 // bits of the number that each sender counts by itself
)

// pattern is simple to make in any language.
var pattern = func() []byte {
	p := make([]byte, 256+mostBody)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}()

func patternOf(number uint64, n int) []byte { return pattern[number&255:][:n] }

// writeBody fills b. sent is 0 for a message that is not timed.
func writeBody(b []byte, number uint64, sent int64, last bool) {
	binary.LittleEndian.PutUint64(b, number)
	s := uint64(sent)
	if last {
		s |= flagLast
	}
	binary.LittleEndian.PutUint64(b[atSent:], s)
	copy(b[atPattern:], patternOf(number, len(b)-atPattern))
}

// readBody checks all of a body but its number.
func readBody(b []byte, size int) (number uint64, sent int64, last bool, err error) {
	if len(b) != size {
		return 0, 0, false, fmt.Errorf("a message has %d bytes, want %d", len(b), size)
	}
	number = binary.LittleEndian.Uint64(b)
	if !bytes.Equal(b[atPattern:], patternOf(number, size-atPattern)) {
		return 0, 0, false, fmt.Errorf("message %d is damaged", number)
	}
	s := binary.LittleEndian.Uint64(b[atSent:])
	return number, int64(s &^ flagLast), s&flagLast != 0, nil
}

// An audit checks the messages of one sender as they come.
type audit struct {
	size  int
	count uint64
}

// check returns when the message was sent, 0 if it is not timed, and whether it is the last one.
func (a *audit) check(b []byte) (sent int64, last bool, err error) {
	number, sent, last, err := readBody(b, a.size)
	if err != nil {
		return 0, false, fmt.Errorf("after %d messages: %w", a.count, err)
	}
	if number != a.count {
		return 0, false, fmt.Errorf("message %d came, want %d: lost, repeated or out of order", number, a.count)
	}
	a.count++
	return sent, last, nil
}

// audits check the messages of many senders, each in its own order. They may be used from many goroutines.
type audits struct {
	size  int
	next  []atomic.Uint64
	count atomic.Uint64
}

func newAudits(size, senders int) *audits {
	return &audits{size: size, next: make([]atomic.Uint64, max(senders, 1))}
}

func (a *audits) check(b []byte) (sent int64, last bool, err error) { return a.checkFor(0, b) }

// checkFor is check where each of many receivers gets all messages: this is the one of that number.
func (a *audits) checkFor(receiver uint64, b []byte) (sent int64, last bool, err error) {
	number, sent, last, err := readBody(b, a.size)
	if err != nil {
		return 0, false, err
	}
	who, n := receiver+number>>ownPart, number&(1<<ownPart-1)
	if who >= uint64(len(a.next)) {
		return 0, false, fmt.Errorf("a message of sender %d, of %d", who, len(a.next))
	}
	if !a.next[who].CompareAndSwap(n, n+1) {
		return 0, false, fmt.Errorf("message %d of sender %d came, want %d: lost, repeated or out of order", n, who, a.next[who].Load())
	}
	a.count.Add(1)
	return sent, last, nil
}

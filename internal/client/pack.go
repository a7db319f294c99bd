package client

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// packing is what comes before the messages of one envelope when they are written as one: see package pack.
type packing struct {
	head   []byte // with sizes of 0
	prefix string // what counted ids begin with
	sizeAt int    // where the size of the body begins; that of its frame is at the end
}

// packs is what a server takes as one.
type packs struct {
	most   int    // messages; 0: none
	to     []byte // only for this destination
	counts bool   // ids may be counted
}

func packsOf(server amqp.Table) packs {
	most, _ := amqp.Integer(server[pack.Property])
	inbox, _ := server[pack.Inbox].(string)
	if most < 2 || len(inbox) > math.MaxUint8 {
		return packs{}
	}
	counts, _ := server[pack.Counts].(bool)
	return packs{most: int(min(most, pack.MaxMessages)), to: []byte(destinationOf("", inbox)), counts: counts}
}

// Packable is an envelope whose messages may be packed where the other side takes that; each has an id. p is what [NewEnvelope] was made of, prefix what
// counted ids begin with, see [Publisher.PostCounted].
func (e *Envelope) Packable(p amqp.Properties, prefix string) (*Envelope, error) {
	p.MessageID, p.ContentEncoding = prefix, pack.Encoding
	props, err := p.Append(nil)
	if err != nil {
		return nil, err
	}
	k := &packing{prefix: prefix}
	k.head = append(k.head, e.method...)
	k.head = appendFrameHead(k.head, amqp.FrameHeader, headerHead-flagsSize+len(props))
	k.head = append(k.head, 0, basicClass, 0, 0)
	k.sizeAt = len(k.head)
	k.head = binary.BigEndian.AppendUint64(k.head, 0)
	k.head = append(append(k.head, props...), amqp.FrameEnd)
	k.head = appendFrameHead(k.head, amqp.FrameBody, 0)
	with := *e
	with.packing = k
	return &with, nil
}

// packable says whether the next two messages, and so perhaps more, can be written as one.
func (l *sendLog) packable() bool {
	if l.packs.most == 0 || l.careful > 0 || l.cursor+1 >= l.head {
		return false
	}
	e, next := l.at(l.cursor), l.at(l.cursor+1)
	if next.fate == nil || !l.packs.counts && (e.counted() || next.counted()) {
		return false
	}
	return e.env.packing != nil && e.env == next.env && e.size+next.size <= pack.MaxBytes && bytes.Equal(e.env.destination(), l.packs.to)
}

// pack appends a pack of what is to be written next, which all has the last tag. The first is alive, and marked as written.
func (l *sendLog) pack(dst []byte) []byte {
	env := l.at(l.cursor).env
	began := len(dst)
	dst = append(dst, env.packing.head...)
	body := len(dst)
	var from *chunk // what is not copied yet lies together in it
	var first, end uint32
	for n := 0; l.cursor < l.head; l.cursor++ {
		e := l.at(l.cursor)
		if e.fate != nil && (e.env != env || n == l.packs.most || !l.packs.counts && e.counted() || len(dst)-body+int(end-first+e.size) > pack.MaxBytes) {
			break
		}
		e.tag = l.last
		if e.fate == nil || n > 0 && !e.write() {
			l.free(e)
			continue
		}
		if at := uint32(e.off); e.in != from || at != end {
			dst = from.append(dst, first, end)
			from, first, end = e.in, at, at
		}
		end += e.size
		n++
	}
	dst = from.append(dst, first, end)
	size := len(dst) - body
	binary.BigEndian.PutUint64(dst[began+env.packing.sizeAt:], uint64(size))
	binary.BigEndian.PutUint32(dst[body-4:], uint32(size))
	return append(dst, amqp.FrameEnd)
}

// append appends a part of the chunk, which is nil before there is any.
func (c *chunk) append(dst []byte, from, to uint32) []byte {
	if c == nil {
		return dst
	}
	return append(dst, c.buf[from:to]...)
}

const (
	frameHead = amqp.FrameOverhead - 1 // octets before a frame's payload
	flagsSize = 2                      // octets of the flags, with which the properties begin
)

func appendFrameHead(dst []byte, kind byte, size int) []byte {
	dst = append(dst, kind, byte(publishChannel>>8), byte(publishChannel&0xff))
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

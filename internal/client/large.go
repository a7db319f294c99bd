package client

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// This file is about messages that are too large for a pack. They are spread over as many chunks as they take, so that there is one size of
// chunks and each is used again: memory that is new to the process costs several times what it costs to copy a body there. And they are
// written in pieces of the usual size, between which nothing else goes out on their channel.

// spread copies a large message into the log: it begins at off of the first chunk.
func (l *sendLog) spread(id, body []byte) (first *chunk, off int) {
	c := l.room(pack.HeadSize(len(id), len(body)))
	first, off = c, len(c.buf)
	c.buf = pack.AppendHead(c.buf, id, len(body))
	for {
		n := min(len(body), cap(c.buf)-len(c.buf))
		c.buf = append(c.buf, body[:n]...)
		c.live++
		if body = body[n:]; len(body) == 0 {
			return first, off
		}
		l.fill = chunks.Get().(*chunk)
		c.next = l.fill
		c = c.next
	}
}

// hold keeps the chunks of what begins in c and ends so many bytes behind the beginning of c.
func (c *chunk) hold(end int) {
	for ; end > 0; end -= chunkSize {
		c.live++
		c = c.next
	}
}

// letGo is the opposite of hold.
func (l *sendLog) letGo(c *chunk, end int) {
	for ; end > 0; end -= chunkSize {
		next := c.next
		c.live--
		l.recycle(c)
		c = next
	}
}

// going is what is left of a body of which a part is written. It holds its chunks, whatever becomes of the message meanwhile.
type going struct {
	in   *chunk
	at   int // in the chunk
	left int // 0: there is none
}

// begin has a body of size bytes, which lies so far behind the beginning of its message, be written next.
func (l *sendLog) begin(e *entry, at, size int) {
	l.going = going{e.in, int(e.off) + at, size}
	e.in.hold(int(e.off) + at + size)
}

// goOn appends what is to be written next of a body that was begun, up to about limit bytes.
func (l *sendLog) goOn(dst []byte, limit int, frameMax uint32) []byte {
	for l.going.left > 0 && len(dst) < limit {
		n := min(l.going.left, bodyPiece(frameMax))
		dst = appendFrameHead(dst, amqp.FrameBody, n)
		dst = append(l.take(dst, n), amqp.FrameEnd)
	}
	return dst
}

// bodyPiece is how much of a body goes into a frame: no more than is handed to the socket at once.
func bodyPiece(frameMax uint32) int {
	if frameMax == 0 || frameMax > maxPiece {
		frameMax = maxPiece
	}
	return int(frameMax) - amqp.FrameOverhead
}

// take appends the next n bytes of the body, and lets go of the chunks that it has come through.
func (l *sendLog) take(dst []byte, n int) []byte {
	g := &l.going
	g.left -= n
	for n > 0 {
		if g.at == chunkSize {
			next := g.in.next
			l.letGo(g.in, chunkSize)
			g.in, g.at = next, 0
		}
		part := g.in.buf[g.at:]
		part = part[:min(n, len(part))]
		dst = append(dst, part...)
		g.at += len(part)
		n -= len(part)
	}
	if g.left == 0 {
		l.letGo(g.in, g.at)
		g.in = nil
	}
	return dst
}

// stop gives up what is half written, for its connection has ended.
func (l *sendLog) stop() {
	if g := l.going; g.left > 0 {
		l.going = going{}
		l.letGo(g.in, g.at+g.left)
	}
}

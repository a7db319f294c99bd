package client

import (
	"bytes"
	"sort"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// sendLog holds messages, in order, from the moment they are accepted
// until the other side has confirmed them. It is the outbox of the socket and the
// log from which a new connection is caught up.
//
//	     gone │ written, unconfirmed │ held            │
//	──────────┼──────────────────────┼─────────────────┼──►
//	        tail                  cursor             head
//
// The writer moves the cursor, confirms move the tail, a new connection puts the cursor
// back to the tail. Tags are given out as messages are written, from 1 on each
// connection; what is written as one pack has one tag. An entry without a fate is a hole: settled out of turn, or given up.
//
// The log is owned by its [Publisher] and guarded by its lock.
type sendLog struct {
	ring               []entry // a power of two; an index is taken modulo its length
	tail, cursor, head uint64
	last               uint64               // the last tag given out on this connection
	live               int                  // entries that are not holes
	bytes              int                  // their size
	fill               *chunk               // where the next message will lie; nil = none begun
	careful            int                  // so many messages go out one at a time
	hasty              bool                 // somebody waits for what is not written, so that it does not ripen
	going              going                // what is half written on this connection
	packs              packs                // what may go out as one on this connection
	text               []byte               // of a counted id
	now                func() time.Duration // the Publisher's clock
	done               []uint64             // tickets of kept messages whose fate is known, to be told to the Keeper
}

type entry struct {
	fate *Fate // nil: a hole
	env  *Envelope
	in   *chunk
	size uint32
	off  uint16 // in the chunk
	wait bool   // its sender waits for it (and is told of a refusal)
	sent bool   // it was written, on some connection, and its fate does not know, see write
	tag  uint64 // between tail and cursor: its tag, or a hole's predecessor's
	more *more  // of few messages; nil of others
}

// more is what is known of messages that are kept or expire.
type more struct {
	ticket  uint64        // the Keeper's; 0: it is not kept
	expires time.Duration // on the Publisher's clock; 0: never
}

// A chunk is a buffer of ids and bodies, as they are in packs. A message lies in one chunk as a whole, unless it is too large for a pack.
type chunk struct {
	buf  []byte
	live int    // messages in it, and parts of one, that are not freed
	next *chunk // where the last message in it goes on, if it does
}

const (
	chunkSize = 64 << 10
	firstRing = 64
)

var chunks = sync.Pool{New: func() any { return &chunk{buf: make([]byte, 0, chunkSize)} }}

// room returns a chunk that takes n more bytes, of the most that one takes.
func (l *sendLog) room(n int) *chunk {
	if c := l.fill; c != nil {
		if cap(c.buf)-len(c.buf) >= n {
			return c
		}
		l.fill = nil
		l.recycle(c)
	}
	l.fill = chunks.Get().(*chunk)
	return l.fill
}

// add copies a message, and returns its index. Its id is a counted one, if count is not 0.
func (l *sendLog) add(f *Fate, env *Envelope, id []byte, count uint64, body []byte, wait bool, m *more) uint64 {
	if l.head-l.tail == uint64(len(l.ring)) {
		l.grow()
	}
	var c *chunk
	var off int
	size := pack.Size(len(id), len(body))
	if count != 0 {
		size = pack.SizeOfCounted(len(body))
	}
	if size > pack.MaxBytes {
		c, off = l.spread(id, body)
	} else {
		c = l.room(size)
		off = len(c.buf)
		if count != 0 {
			c.buf = pack.AppendCounted(c.buf, count, body)
		} else {
			c.buf = pack.Append(c.buf, id, body)
		}
		c.live++
	}
	l.live++
	l.bytes += size
	at := l.head
	*l.at(at) = entry{fate: f, env: env, in: c, off: uint16(off), size: uint32(size), wait: wait, more: m}
	l.head++
	return at
}

// write marks the message as given to a socket and reports whether it is still to be sent. Nobody gives up what may go in a pack and is not waited
// for; so its fate, which lies with its sender and mostly in another processor's cache, is not touched before it is decided, and hears of it only
// with a failure: see tell.
func (e *entry) write() bool {
	if e.fate == nil {
		return false
	}
	if e.wait || e.env.packing == nil {
		return e.fate.write()
	}
	e.sent = true
	return true
}

// tell lets the fate know what write has not told it, before it is decided.
func (e *entry) tell() {
	if e.sent {
		e.fate.write()
	}
}

// has reports whether the message has that id.
func (e *entry) has(id []byte) bool {
	own, _, _ := e.head()
	if !e.counted() { // it may be empty, which in a pack says that it is
		return bytes.Equal(own[1:], id)
	}
	return bytes.Equal(own.AppendTo(nil, e.env.prefix()), id)
}

// holds reports whether the message has that body.
func (e *entry) holds(body []byte) bool {
	_, size, at := e.head()
	if size != len(body) {
		return false
	}
	for c, at := e.in, int(e.off)+at; len(body) > 0; c, at = c.next, 0 {
		part := c.buf[at:]
		part = part[:min(len(part), len(body))]
		if !bytes.Equal(part, body[:len(part)]) {
			return false
		}
		body = body[len(part):]
	}
	return true
}

// head takes the message apart.
func (e *entry) head() (name pack.Name, body, at int) {
	return pack.Head(e.in.buf[e.off:], e.env.packing != nil)
}

// counted says whether the id is a count, behind the envelope's prefix.
func (e *entry) counted() bool { return e.env.packing != nil && e.in.buf[e.off] == 0 }

// prefix is what counted ids begin with.
func (e *Envelope) prefix() string {
	if e.packing == nil {
		return ""
	}
	return e.packing.prefix
}

// textOf is an id whose count is not 0. It is good until the next call.
func (l *sendLog) textOf(env *Envelope, count uint64) []byte {
	l.text = pack.AppendCount(append(l.text[:0], env.prefix()...), count)
	return l.text
}

// large says whether the message is too large for a pack.
func (e *entry) large() bool { return e.size > pack.MaxBytes }

func (l *sendLog) at(i uint64) *entry { return &l.ring[i&uint64(len(l.ring)-1)] }

// grow makes room in the ring: by squeezing out holes among what is held when they
// are many, else by doubling.
func (l *sendLog) grow() {
	if holes := l.head - l.tail - uint64(l.live); holes > uint64(len(l.ring))/2 {
		l.squeeze()
		if l.head-l.tail < uint64(len(l.ring)) {
			return
		}
	}
	ring := make([]entry, max(firstRing, 2*len(l.ring)))
	for i := l.tail; i < l.head; i++ {
		ring[i&uint64(len(ring)-1)] = *l.at(i)
	}
	l.ring = ring
}

func (l *sendLog) squeeze() {
	to := l.cursor
	for i := l.cursor; i < l.head; i++ {
		if e := *l.at(i); e.fate != nil {
			*l.at(to) = e
			to++
		}
	}
	for i := to; i < l.head; i++ {
		*l.at(i) = entry{}
	}
	l.head = to
}

// next appends to dst what is to be written now, up to about limit bytes, and gives
// out tags. frameMax is the connection's.
func (l *sendLog) next(dst []byte, limit int, frameMax uint32) []byte {
	var now time.Duration // looked up for the first that expires
	dst = l.goOn(dst, limit, frameMax)
	for l.cursor < l.head && len(dst) < limit {
		if l.careful > 0 && l.tail < l.cursor {
			break
		}
		e := l.at(l.cursor)
		if !e.write() {
			l.free(e)
			e.tag = l.last
			l.cursor++
			l.trim()
			continue
		}
		if now == 0 && e.more != nil && e.more.expires != 0 {
			now = l.now()
		}
		l.last++
		if l.packable() {
			dst = l.pack(dst)
			continue
		}
		e.tag = l.last
		dst = l.encode(dst, e, frameMax, now)
		dst = l.goOn(dst, limit, frameMax)
		l.cursor++
		if l.careful > 0 {
			l.careful--
			break
		}
	}
	if l.cursor == l.head {
		l.hasty = false
	}
	return dst
}

// As long as so many messages are under way, whose confirms are bound to come, what is posted to where packs are taken waits until it is so much: less
// is not worth a system call and a confirm of its own.
const (
	ripeBytes = 32 << 10
	underWay  = 256
)

// ripe says that what is not written yet may go out. Else there will be more of it, or a confirm, and then it is to be asked again.
func (l *sendLog) ripe() bool {
	if l.packs.most == 0 || l.hasty || l.going.left > 0 || l.cursor-l.tail < underWay || l.cursor == l.head {
		return true
	}
	first, last := l.at(l.cursor), l.at(l.head-1)
	return first.in != last.in || int(last.off)+int(last.size)-int(first.off) >= ripeBytes
}

// encode appends a publish of its own, at the time now if the message expires. The body of a large one is begun, and no more.
func (l *sendLog) encode(dst []byte, e *entry, frameMax uint32, now time.Duration) []byte {
	packed := e.in.buf[e.off:]
	name, size, at := e.head()
	id := name[1:]
	if e.counted() {
		id = l.textOf(e.env, name.Count())
	}
	began := len(dst)
	dst = e.env.appendHead(dst, id, size)
	if e.more != nil && e.more.expires != 0 {
		appendExpiry(e.env.expiry(dst[began:], len(id)), e.more.expires-now)
	}
	if e.large() {
		l.begin(e, at, size)
		return dst
	}
	return amqp.AppendBodyFrames(dst, publishChannel, packed[at:at+size], frameMax)
}

// expire removes what nobody will want any more of what was not written on this connection, appends the fates to out, and
// returns when the next one expires; 0 when none will.
func (l *sendLog) expire(now time.Duration, out []*Fate) ([]*Fate, time.Duration) {
	var next time.Duration
	l.each(l.cursor, func(e *entry) {
		switch {
		case e.more == nil || e.more.expires == 0:
		case e.more.expires <= now:
			out = append(out, e.fate)
			l.free(e)
		case next == 0 || e.more.expires < next:
			next = e.more.expires
		}
	})
	l.trim()
	return out, next
}

// confirm settles one tag, or all up to it, and appends the fates to out. Tags
// that are not outstanding are passed over.
func (l *sendLog) confirm(tag uint64, multiple bool, out []*Fate) []*Fate {
	if multiple {
		for l.tail < l.cursor {
			e := l.at(l.tail)
			if tag != 0 && e.tag > tag {
				break
			}
			if e.fate != nil {
				out = append(out, e.fate)
				l.free(e)
			}
			l.tail++
		}
	} else {
		for i := l.find(tag); i < l.cursor && l.at(i).tag == tag; i++ {
			if e := l.at(i); e.fate != nil {
				out = append(out, e.fate)
				l.free(e)
			}
		}
	}
	l.trim()
	return out
}

// find returns the place of the first live entry with a tag, the cursor if there is none. Without holes and packs it is known.
func (l *sendLog) find(tag uint64) uint64 {
	if l.tail == l.cursor || tag == 0 || tag > l.last {
		return l.cursor
	}
	if first := l.at(l.tail).tag; tag >= first {
		if i := l.tail + (tag - first); i < l.cursor {
			if e := l.at(i); e.tag == tag && e.fate != nil {
				return i
			}
		}
	}
	n := sort.Search(int(l.cursor-l.tail), func(n int) bool {
		return l.at(l.tail+uint64(n)).tag >= tag
	})
	for i := l.tail + uint64(n); i < l.cursor && l.at(i).tag == tag; i++ {
		if l.at(i).fate != nil {
			return i
		}
	}
	return l.cursor
}

// first returns the place of the oldest live entry that was written on this connection, the cursor if there is none.
func (l *sendLog) first() uint64 {
	l.trim()
	return l.tail
}

// forget frees a held message whose sender gave up. at is where it was added; it
// may have moved towards the tail since.
func (l *sendLog) forget(at uint64, f *Fate) {
	if l.head == l.cursor {
		return
	}
	for i := min(at, l.head-1); i >= l.cursor; i-- {
		if e := l.at(i); e.fate == f {
			l.free(e)
			l.trim()
			return
		}
		if i == 0 {
			return
		}
	}
}

// went reports whether the message at i was written with those behind it in one pack, and no others; alone, if there are none.
func (l *sendLog) went(i uint64, others []byte, prefix string) bool {
	tag := l.at(i).tag
	if l.find(tag) != i {
		return false
	}
	for i++; i < l.cursor && l.at(i).tag == tag; i++ {
		e := l.at(i)
		if e.fate == nil {
			continue
		}
		name, body, rest, ok := pack.Next(others)
		if !ok || !e.has(name.AppendTo(nil, prefix)) || !e.holds(body) {
			return false
		}
		others = rest
	}
	return len(others) == 0
}

// rewind makes everything unconfirmed the next to be written. What came back may be taken the next time.
func (l *sendLog) rewind() {
	l.stop()
	for i := l.tail; i < l.cursor; i++ {
		if f := l.at(i).fate; f != nil {
			f.returned = false
		}
	}
	l.cursor, l.last, l.careful = l.tail, 0, 0
}

// each calls do with the live entries from..head.
func (l *sendLog) each(from uint64, do func(*entry)) {
	for i := from; i < l.head; i++ {
		if e := l.at(i); e.fate != nil {
			do(e)
		}
	}
}

// unconfirmed is how many messages were written on this connection and not confirmed.
func (l *sendLog) unconfirmed() (n int) {
	for i := l.tail; i < l.cursor; i++ {
		if l.at(i).fate != nil {
			n++
		}
	}
	return n
}

// free turns an entry into a hole and gives its bytes back.
func (l *sendLog) free(e *entry) {
	if e.fate == nil {
		return
	}
	l.live--
	l.bytes -= int(e.size)
	l.letGo(e.in, int(e.off)+int(e.size))
	if e.more != nil && e.more.ticket != 0 {
		l.done = append(l.done, e.more.ticket)
	}
	e.fate, e.env, e.in, e.more, e.sent = nil, nil, nil, nil, false
	if l.live == 0 && l.fill != nil {
		c := l.fill
		l.fill = nil
		l.recycle(c)
	}
}

// recycle gives back a chunk in which nothing lives and nothing will be added.
func (l *sendLog) recycle(c *chunk) {
	if c.live > 0 || c == l.fill {
		return
	}
	c.buf, c.next = c.buf[:0], nil
	chunks.Put(c)
}

// trim moves the tail over holes.
func (l *sendLog) trim() {
	for l.tail < l.head && l.at(l.tail).fate == nil {
		l.tail++
		l.cursor = max(l.cursor, l.tail)
	}
}

package core

import (
	"errors"
	"fmt"
	"slices"

	"github.com/postrider-mq/postrider/internal/journal"
)

// ErrLost is returned for a message that was paged out and cannot be read back:
// the disk failed or damaged it. It was said in the log, its bytes are in
// quarantine, and its queue is rid of it.
var ErrLost = errors.New("the message cannot be read")

// ErrSettled is returned for a paged message that ended before it was read: it
// was purged, its queue deleted, or its delivery settled unseen.
var ErrSettled = errors.New("the message is no longer in its queue")

// Paged is a delivery's message that lies in the journal. Who was given one
// either loads it, once, or drops it; else the journal keeps its space.
type Paged struct {
	ref
	queue *Queue
	pos   uint64
	count uint32 // of its deliveries
	tells bool   // it comes with that
	held  bool   // it has left the queue: whoever reads it releases the record
}

// Size is the length of the body, in bytes.
func (p *Paged) Size() int { return p.size() }

// Drop gives the message up unread.
func (p *Paged) Drop() {
	if p.held {
		p.held = false
		p.queue.vhost.core.release(p.lsn())
	}
}

// hand gives the message to who it is delivered to; left says that it leaves
// the queue by that.
func (q *Queue) hand(d *Delivery, r ref, left bool) {
	q.handTelling(d, r, left, q.counting && d.Deliveries > 0)
}

// handTelling is hand; tells says that the message comes with its number of deliveries.
func (q *Queue) handTelling(d *Delivery, r ref, left, tells bool) {
	switch {
	case !r.resident():
		d.Paged = &Paged{ref: r, queue: q, pos: d.Pos, held: left, tells: tells, count: d.Deliveries}
	case tells:
		d.Message = r.msg.counted(d.Deliveries)
	default:
		d.Message = r.msg
	}
}

// settledBy is settled for a delivery: what is paged out is released when it was read.
func (q *Queue) settledBy(b *Burst, d *Delivery, r ref) {
	if d.Paged == nil {
		q.settled(b, d.Pos, r)
		return
	}
	q.lighten(b, r)
	if r.journaled() {
		b.one = append(b.one[:0], span{first: d.Pos, count: 1})
		q.writeSettled(b, b.one)
	}
}

// Loader reads messages that were paged out. It belongs to one goroutine, which
// holds no lock while it reads. The zero value is ready.
type Loader struct {
	msg Message
	buf []byte
}

// keepLoaded is the largest buffer that a Loader keeps, in bytes.
const keepLoaded = 64 << 10

// Load reads the message. It is valid until the next call. Errors: ErrLost,
// ErrSettled, ErrClosed.
func (l *Loader) Load(p *Paged) (*Message, error) {
	if cap(l.buf) > keepLoaded {
		l.buf = nil
	}
	err := l.read(p)
	switch {
	case err == nil:
		p.Drop()
		if p.tells {
			return l.msg.counted(p.count), nil
		}
		return &l.msg, nil
	case errors.Is(err, ErrSettled):
		return nil, err
	case errors.Is(err, journal.ErrClosed):
		return nil, ErrClosed
	default:
		p.queue.vhost.core.lose(p, err)
		return nil, ErrLost
	}
}

// Keep is Load for a message that is to stay.
func (l *Loader) Keep(p *Paged) (*Message, error) {
	m, err := l.Load(p)
	if err != nil {
		return nil, err
	}
	kept := *m
	kept.Props, kept.Body = slices.Clone(m.Props), slices.Clone(m.Body)
	if m.rare != nil {
		kept.rare = &rare{whole: slices.Clone(m.rare.whole)}
	}
	return &kept, nil
}

// read looks where the message is, again and again as long as the compaction
// moves it away.
func (l *Loader) read(p *Paged) error {
	for {
		err := l.readAt(p.queue.vhost.core, p.lsn())
		if !errors.Is(err, journal.ErrGone) || p.held {
			return err
		}
		from := p.lsn()
		if !p.find() {
			return ErrSettled
		}
		if p.lsn() == from {
			return err
		}
	}
}

func (l *Loader) readAt(c *Core, lsn journal.LSN) error {
	rec, err := c.windows.Read(lsn, l.buf)
	if err != nil {
		return err
	}
	l.buf = rec.Body
	e, err := parseEnqueued(rec.Kind, rec.Body, nil)
	if err != nil {
		return fmt.Errorf("record %d: %w", lsn, err)
	}
	return parseContent(e.content, &l.msg)
}

// find asks the queue where the message is now.
func (p *Paged) find() bool {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	e, _, ok := p.queue.core.Lookup(p.pos)
	if ok && e.Msg.lsn() != 0 {
		p.ref = e.Msg
	}
	return ok && e.Msg.lsn() != 0
}

// lose ends a message that cannot be read, and nothing else.
func (c *Core) lose(p *Paged, cause error) {
	c.pager.lost.Add(1)
	kept, err := c.journal.Quarantine(p.lsn())
	if err != nil {
		c.log.Error("what cannot be read could not be put into quarantine", "lsn", uint64(p.lsn()), "error", err)
	}
	c.log.Error("a message cannot be read and is lost; the rest is served", "queue", p.queue.Name, "vhost", p.queue.vhost.Name,
		"position", p.pos, "lsn", uint64(p.lsn()), "quarantine", kept, "error", cause)
	if p.held {
		p.Drop()
		return
	}
	var b Burst
	b.Begin(c.Now())
	p.queue.Settle(&b, p.pos)
	b.End()
}

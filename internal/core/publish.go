package core

import (
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

// Outcome is what became of a publish.
type Outcome struct {
	Routed bool        // it reached at least one queue
	LSN    journal.LSN // confirm when the journal is durable up to here; 0 = at once
	Full   bool        // a queue refused it: the publisher is told so, whatever others did
	Held   bool        // it was not taken, and its publisher is told nothing: see VHost.Hold
}

// Publisher publishes into one virtual host. It remembers its last route, so
// a run of messages to one place is routed once. It belongs to one goroutine.
type Publisher struct {
	vhost *VHost

	// The last route, valid as long as the table has the same version; 0: there is none. The table itself would keep all its queues alive.
	version uint64
	last    Address
	queues  []*Queue

	address *Address // of the last message
}

// NewPublisher returns a publisher into v.
func (v *VHost) NewPublisher() *Publisher { return &Publisher{vhost: v} }

// AddressOf returns the address of a message to be published: that of the one before, if it went there, too, or one that the queue of
// that name keeps. So who publishes into many queues in turn makes none for each message.
func (p *Publisher) AddressOf(exchange, key string) *Address {
	if a := p.address; a == nil || a.Exchange != exchange || a.Key != key {
		p.address = p.find(exchange, key)
	}
	return p.address
}

func (p *Publisher) find(exchange, key string) *Address {
	if exchange == "" {
		table := p.vhost.table.Load()
		if q, ok := table.Queue(key); ok {
			p.version, p.last, p.queues = table.Version(), *q.address, append(p.queues[:0], q)
			return q.address
		}
	}
	return &Address{Exchange: exchange, Key: key}
}

// Publish routes m and puts it into its queues. m must not be changed
// afterwards. Errors: 404 no such exchange, 403 an internal one, 406 a bad CC or BCC.
func (p *Publisher) Publish(b *Burst, m *Message) (Outcome, error) {
	if reply, ok := p.vhost.replyTo(m); ok {
		return b.received(p.vhost.core, Outcome{Routed: reply.deliver(b, m)}), nil
	}
	queues, err := p.route(m)
	var out Outcome
	switch {
	case err != nil:
		return out, err
	case len(queues) == 1:
		out = queues[0].publishWithin(b, m)
	case len(queues) > 1:
		out = publishAll(b, queues, m)
	}
	return b.received(p.vhost.core, out), nil
}

func (p *Publisher) route(m *Message) (_ []*Queue, err error) {
	table := p.vhost.table.Load()
	letter := route.Letter{Key: m.Key}
	if m.hasHeaders() {
		if letter.Also, err = m.copies(); err != nil {
			if _, worse := table.Route(m.Exchange, &route.Letter{}, nil); worse != nil {
				return nil, worse // RabbitMQ looks at the exchange first
			}
			return nil, err
		}
	}
	if table.Version() == p.version && *m.Address == p.last && len(letter.Also) == 0 {
		return p.queues, nil
	}
	letter.Props = m.Props
	queues, err := table.Route(m.Exchange, &letter, p.queues[:0])
	p.queues = queues
	p.version, p.last = table.Version(), *m.Address
	if err != nil || letter.Opened || len(letter.Also) > 0 { // depends on more than exchange and key
		p.version = 0
	}
	return queues, err
}

// publish is the common case, one queue: position, record and push under one
// hold of its lock.
func (q *Queue) publish(b *Burst, m *Message) Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.put(b, m)
}

// publishWithin is publish for who can be told that the queue's bound does not let the message in.
func (q *Queue) publishWithin(b *Burst, m *Message) Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ceiling != nil {
		if out, beyond := q.beyond(m); beyond {
			return out
		}
	}
	return q.put(b, m)
}

// put is publish for who holds q.mu.
func (q *Queue) put(b *Burst, m *Message) Outcome {
	if q.gone {
		return Outcome{}
	}
	if q.demanding || m.expires() || q.levels && m.ranked() {
		return q.publishOnTerms(b, m)
	}
	pos := q.core.Reserve()
	var lsn journal.LSN
	if q.durableFor(m) {
		b.places = append(b.places[:0], place{queue: q.id, pos: pos})
		lsn = q.vhost.core.writeEnqueued(b, m)
	}
	q.perform(b, q.core.Push(b.now, pos, q.admit(b, pos, m, lsn)))
	q.crowd(b, 1)
	return Outcome{Routed: true, LSN: lsn}
}

// publishAll is the case of several queues: all positions first, then one
// record, then a push into each. No two queues are locked at once.
func publishAll(b *Burst, queues []*Queue, m *Message) Outcome {
	b.places, b.routed = b.places[:0], b.routed[:0]
	full := false
	for _, q := range queues {
		p, admitted := q.reserve(b, m)
		full = full || !admitted
		if p.pos == 0 {
			continue
		}
		b.routed = append(b.routed, routed{q, p.pos})
		if q.durableFor(m) {
			b.places = append(b.places, p)
		}
	}
	var lsn journal.LSN
	if len(b.places) > 0 {
		lsn = queues[0].vhost.core.writeEnqueued(b, m)
	}
	for _, r := range b.routed {
		r.queue.push(b, r.pos, len(b.routed), m, lsn)
	}
	return Outcome{Routed: len(b.routed) > 0 || full, LSN: lsn, Full: full}
}

// routed is a queue with the position that it reserved for a message.
type routed struct {
	queue *Queue
	pos   uint64
}

// reserve returns a place for m, without a position if there is none, and
// whether that is because the queue is full.
func (q *Queue) reserve(b *Burst, m *Message) (p place, admitted bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.queue = q.id
	switch {
	case q.gone:
		return p, true
	case q.demanding || m.expires() || q.levels && m.ranked():
		return q.reserveOnTerms(b, m)
	}
	p.pos = q.core.Reserve()
	return p, true
}

// push fills a reserved position, one among several queues'. lsn is the record of m, if it has one for any queue.
func (q *Queue) push(b *Burst, pos uint64, among int, m *Message, lsn journal.LSN) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.durableFor(m) {
		lsn = 0
	}
	if q.gone { // deleted since the position was reserved
		if lsn != 0 { // and its deletion may be on the disk before the message is
			q.writeSettled(b, []span{{first: pos, count: 1}})
			q.vhost.core.release(lsn)
		}
		return
	}
	if m.expires() || q.demanding {
		q.pushFor(b, pos, m, lsn)
		return
	}
	q.perform(b, q.core.Push(b.now, pos, q.admit(b, pos, m, lsn)))
	q.crowd(b, among)
}

// fewRecords is up to how many records a burst leaves to its end to have written. From there on the
// disk has enough to begin with.
const fewRecords = 8

// writeEnqueued puts m into the journal for b.places.
func (c *Core) writeEnqueued(b *Burst, m *Message) journal.LSN {
	kind := kindEnqueued
	if anyExpires(b.places) {
		kind = kindExpiring
		b.scratch = appendExpiring(b.scratch[:0], c.wall().UnixMilli(), b.places, m)
	} else {
		b.scratch = appendEnqueued(b.scratch[:0], b.places, m)
	}
	b.core = c
	if b.owing++; b.owing > fewRecords {
		return c.journal.AppendHeld(kind, len(b.places), b.scratch, m.written(), m.Body)
	}
	return c.journal.AppendLater(kind, len(b.places), b.scratch, m.written(), m.Body)
}

package core

import (
	"math"

	"github.com/postrider-mq/postrider/amqp"
)

// ceiling limits how much of what clients publish into a queue may be in it, ready or out: more than the limits of
// arguments and policies, which mind only what is ready. What comes from other queues, as dead letters do, is counted and never refused:
// nobody would be told. It holds as long as the process.
//
//	open ──full: refused at once──► open ──Hold──► held: neither taken nor refused
type ceiling struct {
	messages int
	bytes    int64 // of bodies
	holds    int64 // bytes of bodies in the queue
	extra    int   // messages of packs in memory, beside the first of each
	held     bool
	left     func(messages int) // told, when it is watched or held, how many there are
}

// Bound has a queue refuse what clients publish when so many messages, or bytes of bodies, are in it and not settled.
// A pack counts as the messages in it, while it is in memory. Several publishers at once may exceed it by a message each, and a single
// message may be larger. Errors: 404.
func (v *VHost) Bound(queue string, messages int, bytes int64) error {
	return v.withBound(queue, func(q *Queue) { q.ceiling.messages, q.ceiling.bytes = messages, bytes })
}

// Hold lets a queue take nothing more from clients: nothing that comes is confirmed or refused, so its publishers keep it
// for another connection. left is told how many messages are in it, ready or out: now, and whenever one has gone. It is called
// with the queue locked, and must only take note. Errors: 404.
func (v *VHost) Hold(queue string, left func(messages int)) error {
	return v.withBound(queue, func(q *Queue) {
		q.ceiling.held, q.ceiling.left = true, left
		q.tellLeft()
	})
}

// Watch tells as Hold does, of a queue that takes what comes. What comes is not told of.
func (v *VHost) Watch(queue string, left func(messages int)) error {
	return v.withBound(queue, func(q *Queue) {
		q.ceiling.left = left
		q.tellLeft()
	})
}

// tellLeft says how much is left in a queue. The caller holds q.mu.
func (q *Queue) tellLeft() {
	if q.ceiling.left != nil {
		q.ceiling.left(q.core.Len() + q.core.Unacked())
	}
}

func (v *VHost) withBound(name string, do func(*Queue)) error {
	q, ok := v.table.Load().Queue(name)
	if !ok {
		return amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '%s'", name, v.Name)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ceiling == nil {
		q.ceiling = &ceiling{messages: math.MaxInt, bytes: math.MaxInt64}
		for e := range q.core.All() {
			q.ceiling.holds += int64(e.Msg.size()) // what packs hold that are there already is not known
		}
	}
	do(q)
	return nil
}

// beyond says what becomes of a message that the queue's bound does not let in. The caller holds q.mu.
func (q *Queue) beyond(m *Message) (out Outcome, is bool) {
	b := q.ceiling
	switch {
	case b.held:
		return Outcome{Routed: true, Held: true}, true
	case q.core.Len()+q.core.Unacked()+b.extra+m.extra() >= b.messages, b.holds > 0 && int64(len(m.Body)) > b.bytes-b.holds:
		return Outcome{Routed: true, Full: true}, true
	}
	return out, false
}

// entered counts a message that came in. The caller holds q.mu.
func (q *Queue) entered(m *Message) {
	if q.ceiling != nil {
		q.ceiling.holds += int64(len(m.Body))
		q.ceiling.extra += m.extra()
	}
}

// pagedOut counts a pack that left memory as one message. The caller holds q.mu.
func (q *Queue) pagedOut(m *Message) {
	if q.ceiling != nil {
		q.ceiling.extra -= m.extra()
	}
}

// lighten counts a message that is in the queue no more. The caller holds q.mu.
func (q *Queue) lighten(b *Burst, r ref) {
	q.weigh(b, -r.weight())
	if q.ceiling != nil {
		q.ceiling.holds -= int64(r.size())
		if r.resident() {
			q.ceiling.extra -= r.msg.extra()
		}
		q.tellLeft()
	}
}

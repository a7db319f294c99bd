package core

import (
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// publishOnTerms is publish for a queue, or a message, with more to look at
// than the names. The caller holds q.mu.
func (q *Queue) publishOnTerms(b *Burst, m *Message) Outcome {
	p, admitted := q.reserveOnTerms(b, m)
	if !admitted {
		return Outcome{Routed: true, Full: true}
	}
	var lsn journal.LSN
	if q.durableFor(m) {
		b.places = append(b.places[:0], p)
		lsn = q.vhost.core.writeEnqueued(b, m)
	}
	q.pushFor(b, p.pos, m, lsn)
	return Outcome{Routed: true, LSN: lsn}
}

// reserveOnTerms asks whether m may come in, and gives it a place among those
// of its priority. The caller holds q.mu.
func (q *Queue) reserveOnTerms(b *Burst, m *Message) (p place, admitted bool) {
	p.queue = q.id
	switch q.core.Admit(len(m.Body)) {
	case queue.Refused:
		return p, false
	case queue.RefusedToDeadLetter:
		if q.dying != nil {
			q.mourn(b, ref{msg: m}, 0, queue.MaxLength)
		}
		return p, false
	}
	p.pos = q.core.ReserveIn(m.priority())
	if !q.durableFor(m) {
		return p, true
	}
	if ttl, ok := q.term(m).Lower(q.ttl).Value(); ok {
		p.life = uint64(ttl/millisecond) + 1
	}
	return p, true
}

// pushFor is a push that minds the message's own time to live. The caller holds q.mu.
func (q *Queue) pushFor(b *Burst, pos uint64, m *Message, lsn journal.LSN) {
	q.timed = q.timed || m.expires()
	q.perform(b, q.core.PushWith(b.now, pos, q.admit(b, pos, m, lsn), q.term(m)))
}

package core

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

const (
	defaultBudget = 128 << 20 // bytes
	defaultHead   = 1024      // messages
)

// pager keeps the messages in memory within a budget; the rest lies in the
// journal. What a queue holds is then only the place of it, see ref.
//
//	     ¾ budget            budget
//	────────┼───────────────────┼─────────
//	  all   │ what joins a long │ the sweep: backs of queues are paged out
//	  stay  │ queue is paged    │ down to ¾, heads only where that is not enough
//
// What is persistent is in the journal already: to page it out is to forget it.
// For what is not, a Paged record is written.
type pager struct {
	budget   int64
	head     int // as many messages at the head of a queue are paged out last
	resident atomic.Int64
	next     atomic.Int64 // from so many bytes on the sweep is worth another try
	sweeping atomic.Bool
	lost     atomic.Uint64 // messages that could not be read back
}

func (p *pager) start(cfg Config) {
	p.budget, p.head = cfg.Budget, cfg.head
	if p.budget <= 0 {
		p.budget = defaultBudget
		if cfg.FS == nil { // all there is room for
			p.budget = max(cfg.MemoryMark/2, defaultBudget)
		}
	}
	if p.head == 0 {
		p.head = defaultHead
	}
	p.next.Store(p.budget)
}

// tight says whether messages that will not be needed soon should be paged out at once.
func (p *pager) tight() bool { return p.resident.Load() > p.budget/4*3 }

// weigh counts bytes that came into memory for this queue, or left. The caller holds q.mu.
func (q *Queue) weigh(b *Burst, bytes int64) {
	q.resident += bytes
	if bytes > 0 {
		q.residents++
	} else if bytes < 0 {
		q.residents--
	}
	b.resident += bytes
	if b.core == nil {
		b.core = q.vhost.core
	}
}

// account counts bytes that came into memory, or left. No lock may be held.
func (c *Core) account(bytes int64) {
	p := &c.pager
	now := p.resident.Add(bytes)
	if c.journal == nil {
		if now > p.budget || c.Shortage() != 0 {
			c.alarms.look()
		}
		return
	}
	switch {
	case bytes > 0 && p.begins(now) && c.manual == nil:
		c.spawn(c.sweep)
	case bytes < 0 && now <= p.budget && p.next.Load() != p.budget:
		p.next.Store(p.budget) // a sweep that got nowhere is long ago
	}
}

// begins says that a sweep is worth it and that the caller is who does it.
func (p *pager) begins(now int64) bool {
	return now > p.next.Load() && p.sweeping.CompareAndSwap(false, true)
}

// admit is what the queue will hold of m: m itself or, where memory is tight
// and many wait before it, its place. The caller holds q.mu.
func (q *Queue) admit(b *Burst, pos uint64, m *Message, lsn journal.LSN) ref {
	q.count(b, Enqueued)
	q.entered(m)
	r := ref{msg: m, at: uint64(lsn)}
	if c := q.vhost.core; q.core.Len() >= c.pager.head && c.journal != nil && c.pager.tight() {
		if out, ok := q.paged(b, pos, r); ok {
			return out
		}
	}
	q.weigh(b, m.weight())
	if pos < queue.HighLevel {
		q.newest = max(q.newest, pos)
	}
	return r
}

// paged is the reference to a resident message once it is paged out; false if
// that cannot be done now. The caller holds q.mu.
func (q *Queue) paged(b *Burst, pos uint64, r ref) (ref, bool) {
	m, c := r.msg, q.vhost.core
	if lsn := r.lsn(); lsn != 0 {
		q.pagedOut(m)
		return pagedRef(lsn, false, len(m.Body)), true
	}
	if !c.mayPage() {
		return r, false
	}
	b.scratch = appendEnqueued(b.scratch[:0], []place{{queue: q.id, pos: pos}}, m)
	lsn := c.append(kindPaged, true, b.scratch, m.written(), m.Body)
	q.pagedOut(m)
	return pagedRef(lsn, true, len(m.Body)), true
}

// mayPage says whether the journal takes what is in memory only. One that has
// failed would lose it, and one that has to wait for room would only move it.
func (c *Core) mayPage() bool {
	return !c.failing.Load() && !c.journal.Full() && c.journal.Backlog() < 2*maxBacklog
}

// sweep pages out until enough memory is free. Who filled it while a sweep
// ended left it to that one, so it looks once more.
func (c *Core) sweep() {
	p := &c.pager
	for again := true; again; again = p.begins(p.resident.Load()) {
		c.pageOut()
		p.next.Store(max(p.budget, p.resident.Load()+p.budget/8))
		p.sweeping.Store(false)
	}
}

// pageOut goes through the queues until enough memory is free or nothing more
// can be done, the heaviest first.
func (c *Core) pageOut() {
	p := &c.pager
	for _, keep := range []int{p.head / 2, 0} {
		for before := int64(0); p.tight() && p.resident.Load() != before && c.stop.Err() == nil; {
			before = p.resident.Load()
			for _, q := range c.heaviest() {
				q.sweep(c.stop, keep)
			}
		}
	}
}

// heaviest are the queues with messages in memory, those with most bytes first.
func (c *Core) heaviest() []*Queue {
	type weighed struct {
		*Queue
		bytes int64
	}
	var list []weighed
	c.byID.Range(func(_, v any) bool {
		q := v.(*Queue)
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.resident > 0 {
			list = append(list, weighed{q, q.resident})
		}
		return true
	})
	slices.SortFunc(list, func(a, b weighed) int { return cmp.Compare(b.bytes, a.bytes) })
	queues := make([]*Queue, len(list))
	for i, w := range list {
		queues[i] = w.Queue
	}
	return queues
}

// sweep pages out from the back of the queue as long as memory is tight, but
// not the first `keep` that are ready. It lets go of the lock again and again.
func (q *Queue) sweep(ctx context.Context, keep int) {
	var b Burst
	c := q.vhost.core
	s := sweeping{queue: q, burst: &b, keep: uint64(keep)}
	for more := true; more && c.pager.tight() && ctx.Err() == nil; {
		more = s.slice()
		b.End() // accounts
		if c.Throttle(ctx) != nil {
			return
		}
	}
}

// sweeping is one walk through a queue, from the back.
type sweeping struct {
	queue   *Queue
	burst   *Burst
	keep    uint64
	at      queue.Cursor
	begun   bool
	newest  uint64 // of the queue when the walk began
	reached uint64 // the last position that was visited
	left    bool   // something was left in memory
}

// sweepSlice is how many chunks of entries are walked under one hold of the lock.
const sweepSlice = 4

// slice walks on. It returns whether anything is left.
func (s *sweeping) slice() (more bool) {
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return false
	}
	if !s.begun {
		s.begun = true
		s.newest = q.newest
		s.at = q.core.BackFrom(s.newest)
	}
	first, firstHigh := s.first(0), s.first(queue.HighLevel)
	more = true
	for range sweepSlice {
		if s.at, more = q.core.Backward(s.at, func(e queue.Entry[ref], state queue.State) {
			if e.Pos < queue.HighLevel {
				s.reached = e.Pos
				s.visit(e, state, first)
			} else {
				s.visit(e, state, firstHigh)
			}
		}); !more {
			break
		}
	}
	if q.newest == s.newest && s.reached != 0 && !s.left { // and nothing came in behind
		q.newest, s.newest = s.reached, s.reached
	}
	return more
}

// first returns the first ready entry of a position's level.
func (s *sweeping) first(pos uint64) uint64 {
	first, ok := s.queue.core.FirstBeside(pos)
	if !ok {
		return ^uint64(0) - s.keep // all that there is is out with consumers
	}
	return first
}

func (s *sweeping) visit(e queue.Entry[ref], state queue.State, first uint64) {
	if !e.Msg.resident() {
		return
	}
	if state == queue.Out || e.Pos >= first+s.keep {
		if out, ok := s.queue.paged(s.burst, e.Pos, e.Msg); ok {
			s.queue.weigh(s.burst, -e.Msg.weight())
			s.queue.core.Replace(e.Pos, out)
			return
		}
	}
	s.left = true
}

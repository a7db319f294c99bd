package core

import (
	"sync"

	"github.com/postrider-mq/postrider/internal/journal"
)

// Waiter is told, once, that the journal became durable further than before.
// It is called by the journal's writer and must not block. Urgent is what few are
// waiting for: better done at once than left to others.
type Waiter interface{ Durable(urgent bool) }

// fewWaiters is up to how many count as few.
const fewWaiters = 2

// waiters are those with confirms to send. Each is in at most once: it asks
// again when it still has something to wait for.
type waiters struct {
	mu   sync.Mutex
	list []Waiter
	idle []Waiter // the other half of the swap
}

// NotifyDurable asks for one call of w.Durable after the next sync. If lsn is
// durable already it returns false and there will be no call for it.
func (c *Core) NotifyDurable(w Waiter, lsn journal.LSN) bool {
	if c.IsDurable(lsn) {
		return false
	}
	c.waiting.mu.Lock()
	c.waiting.list = append(c.waiting.list, w)
	c.waiting.mu.Unlock()
	if c.IsDurable(lsn) {
		w.Durable(false) // the sync came between; a second call does no harm
	}
	return true
}

// Durable is how far the journal is durable; everything, without a journal.
func (c *Core) Durable() journal.LSN {
	if c.journal == nil {
		return ^journal.LSN(0)
	}
	return c.journal.Durable()
}

// IsDurable says whether the record at lsn is.
func (c *Core) IsDurable(lsn journal.LSN) bool { return lsn <= c.Durable() }

// onDurable is called by the journal's writer after each sync.
func (c *Core) onDurable(journal.LSN) {
	w := &c.waiting
	w.mu.Lock()
	list := w.list
	w.list, w.idle = w.idle[:0], nil
	w.mu.Unlock()
	urgent := len(list) <= fewWaiters
	for i, x := range list {
		x.Durable(urgent)
		list[i] = nil
	}
	w.mu.Lock()
	w.idle = list[:0]
	w.mu.Unlock()
}

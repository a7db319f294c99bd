package broker

import (
	"sync"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
)

// confirms are the publishes of all Conns that wait for the journal.
type confirms struct {
	broker *Broker

	mu      sync.Mutex
	ended   bool
	waiting []waitingConfirm
	spare   []waitingConfirm
}

type waitingConfirm struct {
	lsn  journal.LSN
	conf Confirmer
}

func (c *confirms) add(lsn journal.LSN, conf Confirmer) {
	first, ended := c.enter(waitingConfirm{lsn, conf})
	switch {
	case ended:
		conf.Confirmed(ErrUnconfirmed)
	case first:
		c.ask(lsn)
	}
}

func (c *confirms) enter(w waitingConfirm) (first, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false, true
	}
	c.waiting = append(c.waiting, w)
	return len(c.waiting) == 1, false
}

// ask makes sure that Durable is called after the journal's next progress.
func (c *confirms) ask(lsn journal.LSN) {
	if !c.broker.core.NotifyDurable(c, lsn) {
		c.Durable(false)
	}
}

// Durable implements core.Waiter: it confirms what has become durable.
func (c *confirms) Durable(bool) {
	ready, next := c.ready()
	c.broker.core.Count(core.Confirmed, len(ready))
	for _, w := range ready {
		w.conf.Confirmed(nil)
	}
	c.giveBack(ready)
	if next != 0 {
		c.ask(next)
	}
}

// ready splits off what is durable; next is something that is not yet.
func (c *confirms) ready() (ready []waitingConfirm, next journal.LSN) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ready, c.spare = c.spare[:0], nil
	rest := c.waiting[:0]
	for _, w := range c.waiting {
		if c.broker.core.IsDurable(w.lsn) {
			ready = append(ready, w)
		} else {
			rest = append(rest, w)
			next = w.lsn
		}
	}
	clear(c.waiting[len(rest):])
	c.waiting = rest
	return ready, next
}

func (c *confirms) giveBack(ready []waitingConfirm) {
	clear(ready)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = ready[:0]
}

// end gives everybody an answer when the journal is closed.
func (c *confirms) end() {
	c.Durable(false)
	c.mu.Lock()
	rest := c.waiting
	c.waiting, c.ended = nil, true
	c.mu.Unlock()
	for _, w := range rest {
		w.conf.Confirmed(ErrUnconfirmed)
	}
}

package postrider

import "time"

// A sender packs faster than a handler follows. So that one who handles fast, but not as fast, does not find his inbox full, and his senders refused, readers of
// connections wait for him a little while he has more than enough; TCP tells the senders. They never wait for long: who handles
// slowly fills his inbox, and his senders hear of it at once, see [ErrFull].
const (
	paceFor    = 10 * time.Millisecond
	enoughPart = 8 // of what the inbox takes is enough, at most
)

// enough is how many packs are.
func (c *Config) enough() int {
	return min(256, c.inboxMessages()/enoughPart/max(1, c.packSize()))
}

// pace returns when there is not more than enough, or after a while.
func (i *inbox) pace() {
	i.mu.Lock()
	if len(i.open) <= i.enough || len(i.takers) == 0 {
		i.mu.Unlock()
		return
	}
	if i.fewer == nil {
		i.fewer = make(chan struct{})
	}
	fewer := i.fewer
	i.mu.Unlock()
	t := time.NewTimer(paceFor)
	defer t.Stop()
	select {
	case <-fewer:
	case <-t.C:
	}
}

// done forgets a pack. The caller holds mu.
func (i *inbox) done(p *packed) {
	delete(i.open, p)
	if i.fewer != nil && len(i.open) <= i.enough {
		close(i.fewer)
		i.fewer = nil
	}
}

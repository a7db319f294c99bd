package queue

import (
	"cmp"
	"slices"
)

// roster knows the consumers and whose turn it is.
//
// Each priority has a rank: a ring of those consumers that could take an entry
// now. The first of the highest rank that is not empty is served, and goes to
// the end of its rank or, when its credit is used up, out of it. A consumer
// whose credit or reader comes back joins at the end.
type roster struct {
	members   map[ConsumerID]*consumer
	exclusive bool    // the member there is, if any, has the queue for itself
	ranks     []*rank // highest priority first
	single    *single // nil unless one member at a time is served
}

// rank is a list of the consumers of one priority that are able to take an entry.
type rank struct {
	priority    int32
	members     int // attached, able or not
	first, last *consumer
}

// consumer is the state of an attached consumer, or of one that is detached
// while entries are still out with it.
type consumer struct {
	Consumer
	out        int
	paused     bool
	detached   bool
	benched    bool   // is not the single active consumer, or gives way to another
	since      uint64 // order of joining where one is active at a time
	waiting    bool   // in its rank's list
	rank       *rank
	prev, next *consumer
}

func newRoster(cfg Config) roster {
	r := roster{members: make(map[ConsumerID]*consumer)}
	if cfg.SingleActive {
		r.single = &single{takeOver: cfg.TakeOver}
	}
	return r
}

// able says whether the consumer may be sent an entry now.
func (c *consumer) able() bool {
	if c.paused || c.detached || c.benched {
		return false
	}
	return c.NoAck || c.Prefetch == 0 || c.out < int(c.Prefetch)
}

// admits returns why a consumer cannot be added, or nil.
func (r *roster) admits(c Consumer) error {
	if r.members[c.ID] != nil {
		return ErrAttached
	}
	if len(r.members) > 0 && (c.Exclusive || r.exclusive) || c.Exclusive && r.single != nil {
		return ErrExclusive
	}
	return nil
}

func (r *roster) add(cfg Consumer) {
	c := &consumer{Consumer: cfg, rank: r.rankOf(cfg.Priority)}
	c.rank.members++
	r.members[c.ID] = c
	r.exclusive = c.Exclusive
	if r.single != nil {
		r.single.joined(c, r.members)
	}
	c.place()
}

func (r *roster) remove(id ConsumerID) bool {
	c := r.members[id]
	if c == nil {
		return false
	}
	delete(r.members, id)
	c.detached = true
	c.place()
	if c.rank.members--; c.rank.members == 0 {
		r.ranks = slices.DeleteFunc(r.ranks, func(k *rank) bool { return k == c.rank })
	}
	if r.single != nil {
		r.single.choose(r.members)
	}
	return true
}

// next returns whose turn it is, or nil if nobody is able to take an entry.
func (r *roster) next() *consumer {
	for _, k := range r.ranks {
		if k.first != nil {
			return k.first
		}
	}
	return nil
}

// served notes that the consumer was sent an entry, and ends its turn.
func (r *roster) served(c *consumer) {
	if !c.NoAck {
		c.out++
	}
	if c.rank.first != c.rank.last {
		c.rank.leave(c)
	}
	c.place()
}

// credit notes that an entry is no longer out with the consumer. An entry that
// was taken by Get is out with nobody: nil.
func (r *roster) credit(c *consumer) {
	if c == nil {
		return
	}
	c.out--
	c.place()
	if c.benched && c.out == 0 && r.single != nil {
		r.single.choose(r.members)
	}
}

func (r *roster) pause(id ConsumerID) {
	if c := r.members[id]; c != nil {
		c.paused = true
		c.place()
	}
}

func (r *roster) resume(id ConsumerID) {
	if c := r.members[id]; c != nil {
		c.paused = false
		c.place()
	}
}

// rankOf returns the rank of a priority, and makes it if there is none.
func (r *roster) rankOf(priority int32) *rank {
	i, found := slices.BinarySearchFunc(r.ranks, priority, func(k *rank, p int32) int {
		return cmp.Compare(p, k.priority)
	})
	if !found {
		r.ranks = slices.Insert(r.ranks, i, &rank{priority: priority})
	}
	return r.ranks[i]
}

// place puts the consumer into its rank or takes it out, as its state asks;
// one that is in the right place keeps its turn.
func (c *consumer) place() {
	switch able := c.able(); {
	case able && !c.waiting:
		c.rank.join(c)
	case !able && c.waiting:
		c.rank.leave(c)
	}
}

// join appends a consumer to the list.
func (k *rank) join(c *consumer) {
	c.waiting = true
	c.prev, c.next = k.last, nil
	if k.last == nil {
		k.first = c
	} else {
		k.last.next = c
	}
	k.last = c
}

// leave takes a consumer out of the list.
func (k *rank) leave(c *consumer) {
	c.waiting = false
	if c.prev == nil {
		k.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		k.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

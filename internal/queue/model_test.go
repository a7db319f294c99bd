package queue

import (
	"cmp"
	"slices"
)

// model is a queue as one would write it without a thought for speed: every
// question is answered by looking through a slice.
type model struct {
	cfg       Config
	next      uint64
	entries   []*modelEntry    // by position; those that are gone are not in it
	consumers []*modelConsumer // attached
	line      []*modelConsumer // those that can take an entry, who waited longest first
	used      Time
	over      bool
}

type modelEntry struct {
	Entry[int]
	state State
	with  *modelConsumer
}

type modelConsumer struct {
	Consumer
	out    int
	paused bool
}

func newModel(now Time, cfg Config) *model { return &model{cfg: cfg, next: 1, used: now} }

func (m *model) Reserve() uint64 {
	m.add(&modelEntry{Entry: Entry[int]{Pos: m.next}, state: Reserved})
	m.next++
	return m.next - 1
}

func (m *model) ReserveFrom(next uint64) { m.next = max(m.next, next) }

func (m *model) Push(pos uint64, msg int) Effects[int] {
	e := m.at(pos)
	e.Msg, e.state = msg, Ready
	return m.deliver(Effects[int]{})
}

func (m *model) Skip(pos uint64) {
	if e := m.at(pos); e != nil && e.state == Reserved {
		m.drop(e)
	}
}

func (m *model) Restore(pos uint64, msg int, redelivered bool, deliveries uint32) {
	if m.at(pos) == nil {
		m.add(&modelEntry{Entry: Entry[int]{pos, msg, redelivered, deliveries}, state: Ready})
		m.next = max(m.next, pos+1)
	}
}

func (m *model) Attach(c Consumer) (Effects[int], error) {
	for _, other := range m.consumers {
		if other.ID == c.ID {
			return Effects[int]{}, ErrAttached
		}
	}
	for _, other := range m.consumers {
		if other.Exclusive || c.Exclusive {
			return Effects[int]{}, ErrExclusive
		}
	}
	added := &modelConsumer{Consumer: c}
	m.consumers = append(m.consumers, added)
	m.queueUp(added)
	return m.deliver(Effects[int]{}), nil
}

func (m *model) Detach(now Time, id ConsumerID) (fx Effects[int]) {
	c := m.consumer(id)
	if c == nil {
		return fx
	}
	m.consumers = without(m.consumers, c)
	m.line = without(m.line, c)
	m.used = now
	if m.cfg.AutoDelete && len(m.consumers) == 0 && !m.over {
		m.over, fx.Deleted = true, Abandoned
	}
	return m.deliver(fx)
}

func (m *model) Pause(id ConsumerID) {
	if c := m.consumer(id); c != nil {
		c.paused = true
		m.queueUp(c)
	}
}

func (m *model) Resume(id ConsumerID) Effects[int] {
	if c := m.consumer(id); c != nil {
		c.paused = false
		m.queueUp(c)
	}
	return m.deliver(Effects[int]{})
}

func (m *model) Settle(pos uint64) (msg int, ok bool, fx Effects[int]) {
	e := m.at(pos)
	if e == nil || e.state != Out {
		return 0, false, fx
	}
	m.drop(e)
	m.credit(e.with)
	return e.Msg, true, m.deliver(fx)
}

func (m *model) Reject(pos uint64) (fx Effects[int]) {
	e := m.at(pos)
	if e == nil || e.state != Out {
		return fx
	}
	m.drop(e)
	m.credit(e.with)
	fx.Drop = []Dropped[int]{{Entry: e.Entry, Reason: Rejected}}
	return m.deliver(fx)
}

func (m *model) Requeue(positions ...uint64) Effects[int] {
	for _, pos := range positions {
		if e := m.at(pos); e != nil && e.state == Out {
			m.credit(e.with)
			e.state, e.with, e.Redelivered = Ready, nil, true
			e.Deliveries++
		}
	}
	return m.deliver(Effects[int]{})
}

func (m *model) Get(now Time, noAck bool) (Entry[int], bool) {
	m.used = now
	e := m.firstReady()
	if e == nil {
		return Entry[int]{}, false
	}
	e.state = Out
	if noAck {
		m.drop(e)
	}
	return e.Entry, true
}

func (m *model) Purge() (purged []Entry[int]) {
	for e := m.firstReady(); e != nil; e = m.firstReady() {
		purged = append(purged, e.Entry)
		m.drop(e)
	}
	return purged
}

func (m *model) Replace(pos uint64, msg int) bool {
	e := m.at(pos)
	if e == nil || e.state == Reserved {
		return false
	}
	e.Msg = msg
	return true
}

func (m *model) Touch(now Time) { m.used = now }

func (m *model) Deadline() (Time, bool) {
	if m.cfg.Expires == 0 || len(m.consumers) > 0 || m.over {
		return 0, false
	}
	return m.used + m.cfg.Expires, true
}

func (m *model) Advance(now Time) (fx Effects[int]) {
	if t, ok := m.Deadline(); ok && t <= now {
		m.over, fx.Deleted = true, Expired
	}
	return m.deliver(fx)
}

func (m *model) deliver(fx Effects[int]) Effects[int] {
	for m.firstReady() != nil && len(m.line) > 0 {
		if len(fx.Deliver) == burst {
			fx.More = true
			break
		}
		fx.Deliver = append(fx.Deliver, m.deliverOne())
	}
	return fx
}

func (m *model) deliverOne() Delivery[int] {
	e, c := m.firstReady(), m.line[0]
	for _, other := range m.line {
		if other.Priority > c.Priority {
			c = other
		}
	}
	d := Delivery[int]{Consumer: c.ID, Entry: e.Entry, NoAck: c.NoAck}
	if c.NoAck {
		m.drop(e)
	} else {
		e.state, e.with = Out, c
		c.out++
	}
	m.line = without(m.line, c)
	m.queueUp(c)
	return d
}

// queueUp sees to it that a consumer is in the line if and only if it can take an entry.
func (m *model) queueUp(c *modelConsumer) {
	able := slices.Contains(m.consumers, c) && !c.paused && (c.NoAck || c.Prefetch == 0 || c.out < int(c.Prefetch))
	switch {
	case !able:
		m.line = without(m.line, c)
	case !slices.Contains(m.line, c):
		m.line = append(m.line, c)
	}
}

func (m *model) credit(c *modelConsumer) {
	if c != nil {
		c.out--
		m.queueUp(c)
	}
}

func (m *model) add(e *modelEntry) {
	m.entries = append(m.entries, e)
	slices.SortFunc(m.entries, func(a, b *modelEntry) int { return cmp.Compare(a.Pos, b.Pos) })
}

func (m *model) drop(e *modelEntry) { m.entries = without(m.entries, e) }

func (m *model) at(pos uint64) *modelEntry {
	for _, e := range m.entries {
		if e.Pos == pos {
			return e
		}
	}
	return nil
}

func (m *model) firstReady() *modelEntry {
	for _, e := range m.entries {
		if e.state == Ready {
			return e
		}
	}
	return nil
}

func (m *model) count(s State) (n int) {
	for _, e := range m.entries {
		if e.state == s {
			n++
		}
	}
	return n
}

func (m *model) positions(s State) (list []uint64) {
	for _, e := range m.entries {
		if e.state == s {
			list = append(list, e.Pos)
		}
	}
	return list
}

func (m *model) consumer(id ConsumerID) *modelConsumer {
	for _, c := range m.consumers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return y == x })
}

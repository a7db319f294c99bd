package queue

import (
	"cmp"
	"slices"
)

// model is a queue as one would write it without a thought for speed: every
// question is answered by looking through a slice.
type model struct {
	cfg       Config
	next      []uint64         // by priority
	entries   []*modelEntry    // in the order of the queue; those that are gone are not in it
	consumers []*modelConsumer // attached
	line      []*modelConsumer // those that can take an entry, who waited longest first
	active    *modelConsumer   // of a single active consumer queue
	size      func(int) int
	used      Time
	over      bool
	inARow    int // of two levels: high ones that left since the last normal one
}

type modelEntry struct {
	Entry[int]
	state  State
	with   *modelConsumer
	expiry Time
}

type modelConsumer struct {
	Consumer
	out    int
	paused bool
}

func newModel(now Time, cfg Config) *model {
	m := &model{cfg: cfg, used: now, size: func(int) int { return 0 }}
	if cfg.TwoLevels {
		m.next = []uint64{1, HighLevel + 1}
		return m
	}
	for p := range uint64(cfg.MaxPriority) + 1 {
		m.next = append(m.next, m.lanes()+p)
	}
	return m
}

func (m *model) lanes() uint64   { return uint64(m.cfg.MaxPriority) + 1 } // of two levels: 1
func (m *model) highest() uint64 { return slices.Max(m.next) }
func (m *model) priority(pos uint64) uint64 {
	if m.cfg.TwoLevels {
		return pos / HighLevel
	}
	return pos % m.lanes()
}

func (m *model) Configure(now Time, c Config) Effects[int] {
	if m.cfg.Expires != c.Expires {
		m.used = now
	}
	c.MaxPriority, c.SingleActive, c.TakeOver = m.cfg.MaxPriority, m.cfg.SingleActive, m.cfg.TakeOver
	c.Scattered, c.TwoLevels = m.cfg.Scattered, m.cfg.TwoLevels
	m.cfg = c
	return m.proceed(now, Effects[int]{})
}

func (m *model) Reserve(priority uint8) uint64 {
	lane := min(priority, m.cfg.MaxPriority)
	if m.cfg.TwoLevels && priority > 4 {
		lane = 1
	}
	next := &m.next[lane]
	pos := *next
	m.add(&modelEntry{Entry: Entry[int]{Pos: pos}, state: Reserved})
	*next += m.lanes()
	return pos
}

func (m *model) ReserveFrom(next uint64) {
	for p := range m.next {
		if m.cfg.TwoLevels && uint64(p) != m.priority(next) {
			continue
		}
		for m.next[p] < next {
			m.next[p] += m.lanes()
		}
	}
}

func (m *model) Admit(bytes int) Admission {
	longer, larger := m.count(Ready)+1, m.Bytes()+int64(bytes)
	switch {
	case m.cfg.Overflow == DropHead || !exceeds(int64(longer), m.cfg.MaxLength) && !exceeds(larger, m.cfg.MaxBytes):
		return Admitted
	case m.cfg.Overflow == RejectPublish:
		return Refused
	default:
		return RefusedToDeadLetter
	}
}

func (m *model) Push(now Time, pos uint64, msg int, ttl Bound) Effects[int] {
	e := m.at(pos)
	e.Msg, e.state = msg, Ready
	for _, b := range []Bound{ttl, m.cfg.TTL} {
		if n, ok := b.Value(); ok && (e.expiry == 0 || now+Time(n) < e.expiry) {
			e.expiry = now + Time(n)
		}
	}
	fx := m.deliver(now-1, Effects[int]{})
	m.overflow(&fx)
	m.expire(now, &fx)
	return fx
}

func (m *model) Skip(pos uint64) {
	if e := m.at(pos); e != nil && e.state == Reserved {
		m.drop(e)
	}
}

func (m *model) Restore(pos uint64, msg int, redelivered bool, deliveries uint32, expiry Time) {
	if m.at(pos) != nil {
		return
	}
	m.add(&modelEntry{Entry: Entry[int]{pos, msg, redelivered, deliveries}, state: Ready, expiry: expiry})
	for next := &m.next[m.priority(pos)]; *next <= pos; {
		*next += m.lanes()
	}
}

func (m *model) Attach(now Time, c Consumer) (Effects[int], error) {
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
	if c.Exclusive && m.cfg.SingleActive {
		return Effects[int]{}, ErrExclusive
	}
	added := &modelConsumer{Consumer: c}
	m.consumers = append(m.consumers, added)
	m.elect()
	m.queueUp(added)
	return m.deliver(now, Effects[int]{}), nil
}

func (m *model) Detach(now Time, id ConsumerID) (fx Effects[int]) {
	c := m.consumer(id)
	if c == nil {
		return fx
	}
	m.consumers = without(m.consumers, c)
	m.line = without(m.line, c)
	m.elect()
	m.used = now
	if m.cfg.AutoDelete && len(m.consumers) == 0 && !m.over {
		m.over, fx.Deleted = true, Abandoned
	}
	return m.deliver(now, fx)
}

func (m *model) Pause(id ConsumerID) {
	if c := m.consumer(id); c != nil {
		c.paused = true
		m.queueUp(c)
	}
}

func (m *model) Resume(now Time, id ConsumerID) Effects[int] {
	if c := m.consumer(id); c != nil {
		c.paused = false
		m.queueUp(c)
	}
	return m.deliver(now, Effects[int]{})
}

func (m *model) Settle(now Time, pos uint64) (msg int, ok bool, fx Effects[int]) {
	e := m.at(pos)
	if e == nil || e.state != Out {
		return 0, false, fx
	}
	m.drop(e)
	m.credit(e.with)
	return e.Msg, true, m.deliver(now, fx)
}

func (m *model) Reject(now Time, pos uint64) (fx Effects[int]) {
	e := m.at(pos)
	if e == nil || e.state != Out {
		return fx
	}
	m.drop(e)
	m.credit(e.with)
	fx.Drop = []Dropped[int]{{Entry: e.Entry, Reason: Rejected}}
	return m.deliver(now, fx)
}

func (m *model) Requeue(now Time, positions ...uint64) (fx Effects[int]) {
	for _, pos := range positions {
		e := m.at(pos)
		if e == nil || e.state != Out {
			continue
		}
		e.Redelivered = true
		e.Deliveries++
		with := e.with
		if exceeds(int64(e.Deliveries), m.cfg.DeliveryLimit) {
			m.drop(e)
			fx.Drop = append(fx.Drop, Dropped[int]{Entry: e.Entry, Reason: DeliveryLimit})
		}
		e.state, e.with = Ready, nil
		m.credit(with)
	}
	return m.proceed(now, fx)
}

func (m *model) Return(now Time, positions ...uint64) Effects[int] {
	for _, pos := range positions {
		m.TakeBack(pos)
	}
	return m.proceed(now, Effects[int]{})
}

func (m *model) TakeBack(pos uint64) bool {
	e := m.at(pos)
	if e == nil || e.state != Out {
		return false
	}
	with := e.with
	e.state, e.with = Ready, nil
	m.credit(with)
	return true
}

func (m *model) Get(now Time, noAck bool) (Entry[int], bool) {
	m.used = now
	e := m.firstReady()
	if e == nil {
		return Entry[int]{}, false
	}
	m.left(e)
	e.state = Out
	if noAck {
		m.drop(e)
	}
	return e.Entry, true
}

func (m *model) Purge() (purged []Entry[int]) {
	for e := m.firstReady(); e != nil; e = m.firstReady() {
		purged = append(purged, e.Entry)
		m.left(e)
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
	end, ends := m.endOfLife()
	if e := m.nextToExpire(); e != nil && e.expiry != 0 && (!ends || e.expiry < end) {
		return e.expiry, true
	}
	return end, ends
}

func (m *model) endOfLife() (Time, bool) {
	if m.cfg.Expires == 0 || len(m.consumers) > 0 || m.over {
		return 0, false
	}
	return m.used + m.cfg.Expires, true
}

func (m *model) Advance(now Time) (fx Effects[int]) {
	if t, ok := m.endOfLife(); ok && t <= now {
		m.over, fx.Deleted = true, Expired
	}
	return m.proceed(now, fx)
}

func (m *model) proceed(now Time, fx Effects[int]) Effects[int] {
	m.overflow(&fx)
	return m.deliver(now, fx)
}

func (m *model) deliver(now Time, fx Effects[int]) Effects[int] {
	m.expire(now, &fx)
	for m.firstReady() != nil && len(m.line) > 0 && !fx.More {
		if len(fx.Deliver) == burst {
			fx.More = true
			break
		}
		fx.Deliver = append(fx.Deliver, m.deliverOne())
		m.expire(now, &fx)
	}
	return fx
}

func (m *model) expire(now Time, fx *Effects[int]) {
	for e := m.nextToExpire(); e != nil && e.expiry != 0 && e.expiry <= now; e = m.nextToExpire() {
		if !m.dropEntry(e, MessageExpired, fx) {
			return
		}
	}
}

// nextToExpire is the first of all; or, where they are scattered, the one whose time comes first.
func (m *model) nextToExpire() (next *modelEntry) {
	if !m.cfg.Scattered {
		return m.firstReady()
	}
	for _, e := range m.entries {
		if e.state == Ready && e.expiry != 0 && (next == nil || e.expiry < next.expiry || e.expiry == next.expiry && e.Pos < next.Pos) {
			next = e
		}
	}
	return next
}

func (m *model) overflow(fx *Effects[int]) {
	for m.cfg.Overflow == DropHead && m.firstReady() != nil &&
		(exceeds(int64(m.count(Ready)), m.cfg.MaxLength) || exceeds(m.Bytes(), m.cfg.MaxBytes)) {
		if !m.dropEntry(m.firstReady(), MaxLength, fx) {
			return
		}
	}
}

func (m *model) dropEntry(e *modelEntry, why Reason, fx *Effects[int]) bool {
	if len(fx.Drop) >= burst {
		fx.More = true
		return false
	}
	if why != MessageExpired || !m.cfg.Scattered {
		m.left(e)
	}
	m.drop(e)
	fx.Drop = append(fx.Drop, Dropped[int]{Entry: e.Entry, Reason: why})
	return true
}

func (m *model) Bytes() (n int64) {
	for _, e := range m.entries {
		if e.state == Ready {
			n += int64(m.size(e.Msg))
		}
	}
	return n
}

func exceeds(n int64, b Bound) bool {
	most, ok := b.Value()
	return ok && n > most
}

func (m *model) deliverOne() Delivery[int] {
	e, c := m.firstReady(), m.line[0]
	for _, other := range m.line {
		if other.Priority > c.Priority {
			c = other
		}
	}
	m.left(e)
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
	able := slices.Contains(m.consumers, c) && m.serves(c) && !c.paused && (c.NoAck || c.Prefetch == 0 || c.out < int(c.Prefetch))
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
		m.elect()
	}
}

// elect finds out who is active, where only one is.
func (m *model) elect() {
	if !m.cfg.SingleActive {
		return
	}
	best := m.best()
	if !slices.Contains(m.consumers, m.active) || m.outranked(m.active) && m.active.out == 0 {
		m.active = best
	}
	for _, c := range m.consumers {
		m.queueUp(c)
	}
}

func (m *model) best() (best *modelConsumer) {
	for _, c := range m.consumers {
		if best == nil || c.Priority > best.Priority {
			best = c
		}
	}
	return best
}

func (m *model) outranked(c *modelConsumer) bool {
	return m.cfg.TakeOver && m.best().Priority > c.Priority
}

func (m *model) serves(c *modelConsumer) bool {
	return !m.cfg.SingleActive || c == m.active && !m.outranked(c)
}

func (m *model) add(e *modelEntry) {
	m.entries = append(m.entries, e)
	slices.SortFunc(m.entries, func(a, b *modelEntry) int {
		return cmp.Or(cmp.Compare(m.priority(b.Pos), m.priority(a.Pos)), cmp.Compare(a.Pos, b.Pos))
	})
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
	if m.cfg.TwoLevels && m.inARow == 2 {
		if e := m.firstNormal(); e != nil {
			return e
		}
	}
	for _, e := range m.entries {
		if e.state == Ready {
			return e
		}
	}
	return nil
}

func (m *model) firstNormal() *modelEntry {
	for _, e := range m.entries {
		if e.state == Ready && m.priority(e.Pos) == 0 {
			return e
		}
	}
	return nil
}

// left counts the high ones that go before normal ones. e is the first of all, which is about to leave.
func (m *model) left(e *modelEntry) {
	if m.priority(e.Pos) == 1 && m.firstNormal() != nil {
		m.inARow++
	} else {
		m.inARow = 0
	}
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

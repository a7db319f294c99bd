package core

import (
	"fmt"
	"maps"
	"slices"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
	"github.com/postrider-mq/postrider/internal/route"
)

// recovery folds the journal's facts into what is left of them.
//
// A declaration may stand behind the messages of its queue, because the
// compaction appends old facts anew. So nothing is applied while reading: all
// is collected by name and id, and joined at the end.
type recovery struct {
	vhosts    map[string]fact[VHostInfo]
	settings  map[settingKey]fact[Setting]
	exchanges map[string]fact[route.Exchange]
	bindings  map[string]fact[route.Binding]
	ends      ends
	queues    map[uint64]*recoveredQueue
	lastID    uint64
	unneeded  []journal.LSN // records to release once the journal is open
	places    []place       // of the record that is read
	holes     int           // in the journal, before the record that was read last
}

// fact is something about topology and where it is written.
type fact[T any] struct {
	value T
	vhost string
	lsn   journal.LSN
}

type recoveredQueue struct {
	spec     QueueSpec
	vhost    string
	declared journal.LSN
	deleted  bool
	next     uint64 // above the highest position that was seen
	nextHigh uint64 // the same of a high level, see queue.HighLevel
	entries  restored
	lives    map[uint64]life // of those that expire
	known
}

// life is how long an entry may wait, in ms, and from when on.
type life struct{ from, span int64 }

// end is when it is over. A clock that was put back does not lengthen it.
func (l life) end(now queue.Time, wall int64) queue.Time {
	elapsed := max(0, wall-l.from)
	return max(1, now+queue.Time(max(0, l.span-elapsed))*millisecond)
}

func newRecovery() *recovery {
	return &recovery{
		vhosts:    map[string]fact[VHostInfo]{},
		settings:  map[settingKey]fact[Setting]{},
		exchanges: map[string]fact[route.Exchange]{},
		bindings:  map[string]fact[route.Binding]{},
		queues:    map[uint64]*recoveredQueue{},
	}
}

// recover opens the journal and restores what it holds.
func (c *Core) recover(cfg Config) error {
	r := newRecovery()
	jc := journal.Config{
		FS:          cfg.FS,
		SegmentSize: cfg.SegmentSize,
		Sync:        cfg.Sync,
		Logger:      c.log,
		OnDurable:   c.onDurable,
		OnFailure:   c.journalFailed,
		OnFull:      c.alarms.journalFull,
		MayGrow:     cfg.MayGrow,
		OnPace:      c.alarms.journalPace,
		Carry:       c.carry,
		Recall:      c.recall,
		Rescue:      c.rescue,
		Holders:     enqueuings,
		Restore:     r.restore,
	}
	if cfg.Manual != nil {
		jc.Manual = &cfg.Manual.Journal
	}
	j, err := journal.Open(jc, r.replay)
	if err != nil {
		return err
	}
	c.journal, c.windows = j, j.NewWindows()
	r.holesAt(j.Recovery().Holes)
	r.apply(c)
	for _, lsn := range r.unneeded {
		j.Release(lsn)
	}
	c.advanceAll(slices.Sorted(maps.Keys(r.queues)))
	j.Ready()
	return nil
}

// journalFailed notes the end of the journal and tells the owner.
func (c *Core) journalFailed(err error) {
	c.failing.Store(true)
	if c.failed != nil {
		c.failed(err)
	}
}

// advanceAll drops what expired meanwhile, or is over a limit because the
// record of its end was lost. All names are there, for what is dead-lettered.
func (c *Core) advanceAll(ids []uint64) {
	var b Burst
	b.Begin(c.Now())
	for _, id := range ids {
		if q, ok := c.byID.Load(id); ok {
			q.(*Queue).advance(&b)
		}
		if b.droppedEnough() {
			b.End()
			b.Begin(c.Now())
		}
	}
	b.End()
}

// replay takes one record. Of an unknown kind or a bad body it says so: better
// no start than half of the truth.
func (r *recovery) replay(rec journal.Record) error {
	r.holesAt(rec.Holes)
	d := decoder{b: rec.Body}
	switch rec.Kind {
	case kindQueueDeclared:
		r.queueDeclared(&d, rec.LSN)
	case kindQueueDeleted:
		r.queueDeleted(d.uint(), d.text(), d.text())
	case kindExchangeDeclared:
		x, vhost := d.exchange()
		supersede(r, r.exchanges, nameKey(vhost, x.Name), fact[route.Exchange]{x, vhost, rec.LSN})
	case kindExchangeDeleted:
		r.exchangeDeleted(d.text(), d.text())
	case kindBound:
		x, vhost := d.binding()
		f := fact[route.Binding]{x, vhost, rec.LSN}
		supersede(r, r.bindings, string(rec.Body), f)
		r.ends.enter(string(rec.Body), &f)
	case kindUnbound:
		r.unbind(string(rec.Body))
	case kindVHostDeclared:
		r.vhostDeclared(&d, rec.LSN)
	case kindVHostDeleted:
		r.vhostDeleted(d.text())
	case kindSettingMade:
		r.settingMade(&d, rec.LSN)
	case kindSettingEnded:
		withdraw(r, r.settings, d.settingKey())
	case kindEnqueued, kindExpiring:
		return r.enqueued(rec)
	case kindSettled:
		return r.settled(rec)
	case kindStarted:
		r.allBegun()
	case kindBegun:
		r.queue(d.uint()).rested = false
	case kindRested, kindReturned:
		return r.told(rec)
	case kindPaged: // it ended with the process
		return nil
	default:
		return fmt.Errorf("record %d is of kind %d, which this version does not know: use the version that wrote it, or a newer one", rec.LSN, rec.Kind)
	}
	if d.err != nil {
		return fmt.Errorf("record %d of kind %d: %w", rec.LSN, rec.Kind, d.err)
	}
	return nil
}

// supersede enters a fact in place of an older one of the same key.
func supersede[K comparable, T any](r *recovery, facts map[K]fact[T], key K, f fact[T]) {
	withdraw(r, facts, key)
	facts[key] = f
}

// withdraw takes out a fact that holds no more.
func withdraw[K comparable, T any](r *recovery, facts map[K]fact[T], key K) {
	if old, ok := facts[key]; ok {
		r.unneeded = append(r.unneeded, old.lsn)
		delete(facts, key)
	}
}

func nameKey(vhost, name string) string { return vhost + "\x00" + name }

func (r *recovery) queue(id uint64) *recoveredQueue {
	q, ok := r.queues[id]
	if !ok {
		q = &recoveredQueue{}
		r.queues[id] = q
		r.lastID = max(r.lastID, id)
	}
	return q
}

func (r *recovery) queueDeclared(d *decoder, lsn journal.LSN) {
	q := r.queue(d.uint())
	if q.declared != 0 {
		r.unneeded = append(r.unneeded, q.declared)
	}
	q.declared = lsn
	q.vhost = d.text()
	q.spec.Name = d.text()
	f := d.uint()
	q.spec.Durable, q.spec.AutoDelete, q.spec.Exclusive = f&flagDurable != 0, f&flagAutoDelete != 0, f&flagExclusive != 0
	q.spec.Args = d.table()
}

// queueDeleted drops the queue's messages and, as its deletion implies, the
// bindings to it.
func (r *recovery) queueDeleted(id uint64, vhost, name string) {
	r.abandon(r.queue(id))
	r.unbindAll(end{vhost, name, true})
}

// abandon lets go of a queue that is no more, or never was. That may be said twice: a queue's end follows that of its virtual host.
func (r *recovery) abandon(q *recoveredQueue) {
	if q.declared != 0 {
		r.unneeded = append(r.unneeded, q.declared)
		q.declared = 0
	}
	q.entries.drain(func(_ uint64, m ref, _ bool) { r.drop(m) })
	q.deleted, q.lives, q.known = true, nil, known{}
}

// drop says that one queue less needs the message.
func (r *recovery) drop(m ref) { r.unneeded = append(r.unneeded, m.lsn()) }

// exchangeDeleted drops the exchange and, as its deletion implies, its bindings.
func (r *recovery) exchangeDeleted(vhost, name string) {
	withdraw(r, r.exchanges, nameKey(vhost, name))
	r.unbindAll(end{vhost, name, false})
}

func (r *recovery) enqueued(rec journal.Record) error {
	e, err := parseEnqueued(rec.Kind, rec.Body, r.places[:0])
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.LSN, err)
	}
	size, err := contentSize(e.content)
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.LSN, err)
	}
	r.places = e.places
	m := pagedRef(rec.LSN, false, size)
	for _, p := range e.places {
		q := r.queue(p.queue)
		if q.deleted {
			r.drop(m)
			continue
		}
		if old, ok := q.entries.put(p.pos, m); ok { // it was carried over
			r.drop(old)
		}
		q.limit(p, e.at)
		q.seen(p.pos + 1)
	}
	return nil
}

// seen notes that all positions below next, of its level, are used.
func (q *recoveredQueue) seen(next uint64) {
	if next > queue.HighLevel {
		q.nextHigh = max(q.nextHigh, next)
	} else {
		q.next = max(q.next, next)
	}
}

// limit notes how long an entry may wait.
func (q *recoveredQueue) limit(p place, at int64) {
	if p.life == 0 {
		return
	}
	if q.lives == nil {
		q.lives = map[uint64]life{}
	}
	q.lives[p.pos] = life{from: at, span: int64(min(p.life-1, maxExpiration))}
}

// settled ends what a record says has ended. Behind a gap that is not believed: the dead letter that took the message's place
// may lie in the gap. Better twice than never.
func (r *recovery) settled(rec journal.Record) error {
	id, spans, err := parseSettled(rec.Body)
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.LSN, err)
	}
	q := r.queue(id)
	for _, s := range spans {
		if !rec.AfterGap {
			r.settledSpan(q, s)
		}
		q.seen(s.first + s.count)
	}
	return nil
}

func (r *recovery) settledSpan(q *recoveredQueue, s span) {
	for pos := s.first; pos < s.first+s.count; pos++ {
		if m, ok := q.entries.take(pos); ok {
			r.drop(m)
			delete(q.lives, pos)
			delete(q.counts, pos)
		}
	}
}

// apply builds the virtual hosts. Exclusive connections are long gone, so only
// lasting things are in the journal.
func (r *recovery) apply(c *Core) {
	c.queueID.Store(r.lastID)
	r.applyVHosts(c)
	c.restorePolicies()
	for _, key := range slices.Sorted(maps.Keys(r.exchanges)) {
		x := r.exchanges[key]
		c.vhost(x.vhost).restoreExchange(x)
	}
	for _, v := range c.VHosts() {
		v.redirectAll()
	}
	defer func() {
		for _, v := range c.VHosts() {
			v.restoreStores()
		}
	}()
	messages := 0
	for _, id := range slices.Sorted(maps.Keys(r.queues)) {
		messages += r.restoreQueue(c, id, r.queues[id])
	}
	for _, key := range slices.Sorted(maps.Keys(r.bindings)) {
		b := r.bindings[key]
		r.restoreBinding(c.vhost(b.vhost), b)
	}
	if len(r.queues) > 0 {
		c.log.Info("recovered", "queues", len(r.queues), "messages", messages)
	}
}

func (v *VHost) restoreExchange(x fact[route.Exchange]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, err := v.table.Load().Declare(x.value)
	if err != nil {
		v.core.log.Error("an exchange could not be restored", "vhost", v.Name, "exchange", x.value.Name, "error", err)
		return
	}
	v.table.Store(t)
	v.facts[factKey(kindExchangeDeclared, v.exchange(&x.value))] = x.lsn
}

// restoreBinding skips a binding without both ends: what was damaged took
// one of them.
func (r *recovery) restoreBinding(v *VHost, x fact[route.Binding]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, _, err := v.table.Load().Bind(x.value)
	if err != nil {
		v.core.log.Error("a binding could not be restored", "vhost", v.Name, "source", x.value.Source, "destination", x.value.Destination, "error", err)
		r.unneeded = append(r.unneeded, x.lsn)
		return
	}
	v.table.Store(t)
	v.facts[factKey(kindBound, v.binding(&x.value))] = x.lsn
}

// restoreQueue makes the queue with its messages, each marked as redelivered
// unless it is known that nobody saw it. It returns how many.
func (r *recovery) restoreQueue(c *Core, id uint64, rq *recoveredQueue) int {
	if rq.deleted || rq.declared == 0 && rq.entries.n == 0 {
		return 0
	}
	if rq.declared == 0 {
		c.log.Error("messages of a queue whose declaration is lost are dropped", "queue id", id, "messages", rq.entries.n)
		r.abandon(rq)
		return 0
	}
	v := c.vhost(rq.vhost)
	v.mu.Lock()
	defer v.mu.Unlock()
	q := newQueue(v, id, c.Now(), rq.spec, v.policies.Load().ruling(rq.spec.Name, rq.spec.policyKind()))
	q.declared = rq.declared
	n := rq.entries.n
	q.below, q.belowHigh = rq.watermarks()
	rq.entries.drain(func(pos uint64, m ref, marked bool) {
		redelivered, deliveries := marked || q.isBelow(pos), rq.counts[pos]
		if l, ok := rq.lives[pos]; ok {
			q.core.RestoreWith(pos, m, redelivered, deliveries, l.end(c.Now(), c.wall().UnixMilli()))
			q.timed = true
		} else {
			q.core.Restore(pos, m, redelivered, deliveries)
		}
	})
	q.core.ReserveFrom(rq.next)
	if rq.nextHigh != 0 {
		q.core.ReserveFrom(rq.nextHigh)
	}
	if !rq.rested {
		q.stillAtRest()
	}
	if !q.isStore() {
		v.enter(q)
	} else if !v.enterStore(q) { // the record of its exchange is lost, or its end came first
		v.endStray(q)
		return 0
	}
	return n
}

func (d *decoder) exchange() (route.Exchange, string) {
	vhost := d.text()
	x := route.Exchange{Name: d.text(), Kind: route.Kind(d.text())}
	f := d.uint()
	x.Durable, x.AutoDelete, x.Internal = f&flagDurable != 0, f&flagAutoDelete != 0, f&flagInternal != 0
	x.Args = d.table()
	return x, vhost
}

func (d *decoder) binding() (route.Binding, string) {
	vhost := d.text()
	x := route.Binding{Source: d.text(), Destination: d.text()}
	x.ToQueue = d.uint()&1 != 0
	x.Key = d.text()
	x.Args = d.table()
	return x, vhost
}

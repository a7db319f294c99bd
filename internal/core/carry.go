package core

import (
	"cmp"
	"slices"

	"github.com/postrider-mq/postrider/internal/journal"
)

// What of the journal's oldest segment still holds is appended anew, so that the
// segment can be deleted. What is declared is in memory, so recall does that
// without reading the segment; messages alone are read, and carried.
//
// Whether something holds is decided, and its successor appended, under the lock
// that its end would be recorded under; so an end never precedes it.

// recallAtOnce is how many declarations are written anew before the journal makes
// them durable, so that publishers wait for no more than that.
const recallAtOnce = 1000

// A declared thing has one record in the journal. anew appends another, if that is still at lsn, and releases it.
type declared struct {
	lsn  journal.LSN
	anew func(old journal.LSN)
}

// recalling is what is still to be written anew of a segment. It belongs to the journal's reclaimer.
type recalling struct {
	from journal.LSN // 0: of none
	left []declared
}

// recall appends anew what is declared in a part of the journal and still holds, in the order in which it lies there,
// or some of it; with more it is to be called again.
func (c *Core) recall(from, to journal.LSN) (more bool) {
	r := &c.recalling
	if r.from != from {
		*r = recalling{from, c.declaredIn(stretch{from, to})}
	}
	n := min(len(r.left), recallAtOnce)
	for _, d := range r.left[:n] {
		d.anew(d.lsn)
	}
	if r.left = r.left[n:]; len(r.left) == 0 {
		*r = recalling{}
	}
	return len(r.left) > 0
}

// A stretch is a part of the journal.
type stretch struct{ from, to journal.LSN }

func (s stretch) has(lsn journal.LSN) bool { return s.from <= lsn && lsn < s.to }

// declaredIn finds what has its record in a part of the journal.
func (c *Core) declaredIn(s stretch) (all []declared) {
	c.byID.Range(func(_, found any) bool {
		q := found.(*Queue)
		q.vhost.mu.Lock()
		if s.has(q.declared) {
			all = append(all, declared{q.declared, q.declareAnew})
		}
		q.vhost.mu.Unlock()
		return true
	})
	for _, v := range c.VHosts() {
		v.mu.Lock()
		if s.has(v.declared) {
			all = append(all, declared{v.declared, v.declareAnew})
		}
		for key, lsn := range v.facts {
			if s.has(lsn) {
				all = append(all, declared{lsn, func(old journal.LSN) { v.stateAnew(key, old) }})
			}
		}
		v.mu.Unlock()
	}
	c.settings.mu.Lock()
	for key, made := range c.settings.byKey {
		if s.has(made.lsn) {
			all = append(all, declared{made.lsn, func(old journal.LSN) { c.setAnew(key, old) }})
		}
	}
	c.settings.mu.Unlock()
	slices.SortFunc(all, func(a, b declared) int { return cmp.Compare(a.lsn, b.lsn) })
	return all
}

func (q *Queue) declareAnew(old journal.LSN) {
	q.vhost.mu.Lock()
	defer q.vhost.mu.Unlock()
	if q.declared != old {
		return
	}
	c := q.vhost.core
	q.declared = c.append(kindQueueDeclared, true, q.declaration())
	q.stillAtRest()
	c.release(old)
}

func (v *VHost) declareAnew(old journal.LSN) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.declared == old && !v.deleted {
		v.declared = v.core.append(kindVHostDeclared, true, v.declaration())
		v.core.release(old)
	}
}

// stateAnew does so for a fact of the virtual host's topology, whose key is its kind and its record.
func (v *VHost) stateAnew(key string, old journal.LSN) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if lsn, ok := v.facts[key]; ok && lsn == old {
		v.facts[key] = v.core.append(journal.Kind(key[0]), true, []byte(key[1:]))
		v.core.release(old)
	}
}

func (c *Core) setAnew(key settingKey, old journal.LSN) {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	if s, ok := c.settings.byKey[key]; ok && s.lsn == old {
		s.lsn = c.append(kindSettingMade, true, s.value.record())
		c.settings.byKey[key] = s
		c.release(old)
	}
}

// carry is called with each live record that is left.
func (c *Core) carry(rec journal.Record) {
	switch rec.Kind {
	case kindEnqueued, kindExpiring, kindPaged:
		c.carryMessage(rec)
	}
}

// carryMessage gives each queue that still has the message a record of its own.
func (c *Core) carryMessage(rec journal.Record) {
	e, err := parseEnqueued(rec.Kind, rec.Body, nil)
	if err != nil { // it was read from memory with a checksum: a defect of ours
		c.log.Error("a record could not be carried over", "lsn", rec.LSN, "error", err)
		return
	}
	for _, p := range e.places {
		if q, ok := c.byID.Load(p.queue); ok {
			q.(*Queue).carry(p.pos, rec, e.content)
		}
	}
}

func (q *Queue) carry(pos uint64, rec journal.Record, content []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, _, ok := q.core.Lookup(pos)
	if !ok || e.Msg.lsn() != rec.LSN {
		return
	}
	c := q.vhost.core
	kind, head := q.enqueuedAnew(pos)
	if rec.Kind == kindPaged {
		kind, head = kindPaged, appendPlaces(nil, []place{{queue: q.id, pos: pos}})
	}
	lsn := c.append(kind, true, head, content)
	q.core.Replace(pos, e.Msg.movedTo(lsn))
	if rec.Kind != kindPaged && q.worthTelling(e) {
		c.append(kindReturned, false, appendTales(nil, q.id, []tale{{span{pos, 1}, tell(e)}}))
	}
	c.release(rec.LSN)
}

// enqueuedAnew is what precedes the content in the record of a message that
// stays, for the rest of its life if that is limited. The caller holds q.mu.
func (q *Queue) enqueuedAnew(pos uint64) (journal.Kind, []byte) {
	p := []place{{queue: q.id, pos: pos}}
	end, expires := q.core.Expiry(pos)
	if !expires {
		return kindEnqueued, appendPlaces(nil, p)
	}
	c := q.vhost.core
	p[0].life = uint64(max(0, end-c.Now())/millisecond) + 1
	return kindExpiring, appendLives(nil, c.wall().UnixMilli(), p)
}

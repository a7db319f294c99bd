package core

import "github.com/postrider-mq/postrider/internal/journal"

// What of the journal's oldest segment still holds is appended anew, so that the
// segment can be deleted. What is declared is in memory, so recall does that
// without reading the segment; messages alone are read, and carried.
//
// Whether something holds is decided, and its successor appended, under the lock
// that its end would be recorded under; so an end never precedes it.

// recallAtOnce is how many declarations are written anew before the journal makes
// them durable, so that publishers wait for no more than that.
const recallAtOnce = 1000

// A stretch is the part of the journal that is to be given back.
type stretch struct {
	from, to journal.LSN
	left     int  // how many declarations there may still be taken
	more     bool // there were others
}

func (s *stretch) has(lsn journal.LSN) bool { return s.from <= lsn && lsn < s.to }

// takes is has for what is written anew.
func (s *stretch) takes(lsn journal.LSN) bool {
	if !s.has(lsn) {
		return false
	}
	s.left--
	s.more = s.more || s.left < 0
	return s.left >= 0
}

// recall appends anew what is declared in a part of the journal and still holds,
// or some of it.
func (c *Core) recall(from, to journal.LSN) (more bool) {
	s := &stretch{from: from, to: to, left: recallAtOnce}
	c.byID.Range(func(_, q any) bool {
		q.(*Queue).recall(s)
		return !s.more
	})
	for _, v := range c.VHosts() {
		v.recall(s)
	}
	c.recallSettings(s)
	return s.more
}

func (q *Queue) recall(s *stretch) {
	q.vhost.mu.Lock()
	defer q.vhost.mu.Unlock()
	old := q.declared
	if !s.takes(old) {
		return
	}
	c := q.vhost.core
	q.declared = c.append(kindQueueDeclared, true, q.declaration())
	q.stillAtRest()
	c.release(old)
}

// recall does so for what the virtual host's topology is. A fact's key is its
// kind and its record.
func (v *VHost) recall(s *stretch) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old := v.declared; !v.deleted && s.takes(old) {
		v.declared = v.core.append(kindVHostDeclared, true, v.declaration())
		v.core.release(old)
	}
	for key, lsn := range v.facts {
		if s.takes(lsn) {
			v.facts[key] = v.core.append(journal.Kind(key[0]), true, []byte(key[1:]))
			v.core.release(lsn)
		}
	}
}

func (c *Core) recallSettings(stretch *stretch) {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	for key, s := range c.settings.byKey {
		if old := s.lsn; stretch.takes(old) {
			s.lsn = c.append(kindSettingMade, true, s.value.record())
			c.settings.byKey[key] = s
			c.release(old)
		}
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

package core

import "github.com/postrider-mq/postrider/internal/journal"

// carry appends a fact of the journal's oldest segment anew if it still holds,
// so that the segment can be deleted. The journal's compaction calls it.
//
// Whether a fact holds is decided, and its successor appended, under the lock
// that its end would be recorded under; so an end never precedes it.
func (c *Core) carry(rec journal.Record) {
	d := decoder{b: rec.Body}
	switch rec.Kind {
	case kindEnqueued, kindExpiring, kindPaged:
		c.carryMessage(rec)
	case kindQueueDeclared:
		c.carryQueue(d.uint(), rec)
	case kindVHostDeclared:
		if v, ok := c.VHost(d.text()); ok {
			v.carryDeclaration(rec)
		}
	case kindSettingMade:
		c.carrySetting(d.settingKey(), rec)
	case kindExchangeDeclared, kindBound:
		if v, ok := c.VHost(d.text()); ok {
			v.carryFact(rec)
		}
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

func (c *Core) carryQueue(id uint64, rec journal.Record) {
	found, ok := c.byID.Load(id)
	if !ok {
		return
	}
	q := found.(*Queue)
	q.vhost.mu.Lock()
	defer q.vhost.mu.Unlock()
	if q.declared != rec.LSN {
		return
	}
	q.declared = c.append(rec.Kind, true, rec.Body)
	q.stillAtRest()
	c.release(rec.LSN)
}

func (v *VHost) carryFact(rec journal.Record) {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := factKey(rec.Kind, rec.Body)
	if lsn, ok := v.facts[key]; !ok || lsn != rec.LSN {
		return
	}
	v.facts[key] = v.core.append(rec.Kind, true, rec.Body)
	v.core.release(rec.LSN)
}

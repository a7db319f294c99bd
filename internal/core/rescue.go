package core

import (
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// rescue writes anew what is still needed of a stretch of the journal in which
// some records cannot be read, as far as it is in memory. What is not is lost:
// said, and settled. Without it the damage would keep the disk's space for ever.
// The journal's compaction calls it, after it carried what it could read.
func (c *Core) rescue(from, to journal.LSN) {
	within := func(lsn journal.LSN) bool { return from <= lsn && lsn < to }
	c.byID.Range(func(id, v any) bool {
		q := v.(*Queue)
		q.vhost.mu.Lock()
		declared, record := q.declared, q.declaration()
		q.vhost.mu.Unlock()
		if within(declared) {
			c.carryQueue(id.(uint64), journal.Record{LSN: declared, Kind: kindQueueDeclared, Body: record})
		}
		q.rescue(within)
		return true
	})
	for _, v := range c.VHosts() {
		v.rescueFacts(within)
	}
	c.rescueSettings(within)
}

// rescue does so for the queue's messages.
func (q *Queue) rescue(within func(journal.LSN) bool) {
	q.mu.Lock()
	var damaged []queue.Entry[ref]
	for e := range q.core.All() {
		if lsn := e.Msg.lsn(); lsn != 0 && within(lsn) {
			damaged = append(damaged, e)
		}
	}
	q.mu.Unlock()
	for _, e := range damaged {
		q.rescueMessage(e.Pos, e.Msg)
	}
}

func (q *Queue) rescueMessage(pos uint64, r ref) {
	c := q.vhost.core
	if m := r.msg; r.resident() {
		content := append(append(appendAddress(nil, m), m.written()...), m.Body...)
		q.carry(pos, journal.Record{LSN: r.lsn(), Kind: kindEnqueued}, content)
		return
	}
	rec, err := c.journal.Read(r.lsn())
	if err != nil {
		c.lose(&Paged{ref: r, queue: q, pos: pos}, err)
		return
	}
	c.carryMessage(rec)
}

// rescueFacts does so for what the virtual host's topology is. A fact's key is
// its kind and its record.
func (v *VHost) rescueFacts(within func(journal.LSN) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old := v.declared; within(old) && !v.deleted {
		v.declared = v.core.append(kindVHostDeclared, true, v.declaration())
		v.core.release(old)
	}
	for key, lsn := range v.facts {
		if within(lsn) {
			v.facts[key] = v.core.append(journal.Kind(key[0]), true, []byte(key[1:]))
			v.core.release(lsn)
		}
	}
}

func (c *Core) rescueSettings(within func(journal.LSN) bool) {
	c.settings.mu.Lock()
	defer c.settings.mu.Unlock()
	for key, s := range c.settings.byKey {
		if within(s.lsn) {
			old := s.lsn
			s.lsn = c.append(kindSettingMade, true, s.value.record())
			c.settings.byKey[key] = s
			c.release(old)
		}
	}
}

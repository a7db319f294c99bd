package core

import (
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// rescue writes anew the messages of a stretch of the journal in which some
// records cannot be read, as far as they are in memory. What is not is lost:
// said, and settled. Without it the damage would keep the disk's space for ever.
// The journal's compaction calls it, after it carried what it could read.
func (c *Core) rescue(from, to journal.LSN) {
	c.byID.Range(func(_, v any) bool {
		v.(*Queue).rescue(stretch{from, to})
		return true
	})
}

// rescue does so for the queue's messages.
func (q *Queue) rescue(s stretch) {
	q.mu.Lock()
	var damaged []queue.Entry[ref]
	for e := range q.core.All() {
		if lsn := e.Msg.lsn(); lsn != 0 && s.has(lsn) {
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

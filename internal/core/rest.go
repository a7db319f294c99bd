package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// What a queue knows of its messages beside their content is written down where
// that costs nothing while messages flow:
//
//   - Returned: how often messages came back, each time they do, in a queue that
//     tells its consumers or limits it.
//   - Rested: at an orderly end, for each queue, which of its messages were
//     delivered and how often. What is still out counts as come back.
//   - Started: deliveries begin again; what was Rested is only the least.
//
// So after an orderly end the flags are what they were. After any other, each
// message may have been delivered: all are marked. How often it came back before the last start is known all the same.
//
// A Returned stands behind the message's record, and when the compaction moves that it writes
// the count anew. So no Returned need be kept for its own sake.

// tale is a run of positions with what is to be said of each.
type tale struct {
	span
	told told
}

// told is how often an entry came back, times two, and one if it may have been delivered.
type told uint64

func tell(e queue.Entry[ref]) told {
	t := told(e.Deliveries) << 1
	if e.Redelivered {
		t |= 1
	}
	return t
}

func (t told) deliveries() uint32 { return uint32(t >> 1) }

// addTale extends the last tale or begins a new one.
func addTale(tales []tale, pos uint64, t told) []tale {
	if n := len(tales); n > 0 && tales[n-1].told == t && tales[n-1].first+tales[n-1].count == pos {
		tales[n-1].count++
		return tales
	}
	return append(tales, tale{span{first: pos, count: 1}, t})
}

func appendTales(dst []byte, queue uint64, tales []tale) []byte {
	dst = appendUint(appendUint(dst, queue), uint64(len(tales)))
	for _, t := range tales {
		dst = appendUint(appendUint(appendUint(dst, t.first), t.count), uint64(t.told))
	}
	return dst
}

func parseTales(body []byte) (queue uint64, tales []tale, err error) {
	d := decoder{b: body}
	queue = d.uint()
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail(errShortRecord)
	}
	for range n {
		if d.err != nil {
			break
		}
		tales = append(tales, tale{span{first: d.uint(), count: d.uint()}, told(d.uint())})
	}
	if d.err != nil {
		return 0, nil, fmt.Errorf("rested or returned: %w", d.err)
	}
	return queue, tales, nil
}

// noteReturned writes down how often messages came back that just did. The caller holds q.mu.
func (q *Queue) noteReturned(b *Burst, positions []uint64) {
	var tales []tale
	for _, pos := range positions {
		if e, _, ok := q.core.Lookup(pos); ok && e.Deliveries > 0 && e.Msg.journaled() {
			tales = addTale(tales, pos, tell(e))
		}
	}
	if len(tales) > 0 {
		b.scratch = appendTales(b.scratch[:0], q.id, tales)
		q.vhost.core.append(kindReturned, false, b.scratch)
	}
}

// talesARecord bounds a Rested: a queue may need several.
const talesARecord = 4096

// rest ends the deliveries of a queue, and writes down what there is to be said
// of its messages.
func (q *Queue) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || q.resting {
		return
	}
	q.resting = true
	for id := range q.consumers {
		q.core.Pause(id)
	}
	if !q.kept() {
		return
	}
	q.tales(func(body []byte) { q.vhost.core.append(kindRested, false, body) })
}

// tales gives the bodies of the Rested of a queue. The caller holds q.mu.
func (q *Queue) tales(each func(body []byte)) {
	var tales []tale
	for e, state := range q.core.All() {
		if !e.Msg.journaled() {
			continue
		}
		if state == queue.Out {
			e.Redelivered, e.Deliveries = true, e.Deliveries+1
		}
		if t := tell(e); t != 0 {
			tales = addTale(tales, e.Pos, t)
		}
		if len(tales) == talesARecord {
			each(appendTales(nil, q.id, tales))
			tales = tales[:0]
		}
	}
	each(appendTales(nil, q.id, tales))
}

// rest is called when nobody is to be served any more. It says whether all that was to be written down is.
func (c *Core) rest() bool {
	if c.journal == nil || c.failing.Load() {
		return false
	}
	for _, q := range c.all() {
		q.rest()
	}
	return true
}

// all are the queues, and the stores, in the order in which they were made.
func (c *Core) all() (list []*Queue) {
	c.byID.Range(func(_, q any) bool {
		list = append(list, q.(*Queue))
		return true
	})
	slices.SortFunc(list, (*Queue).byAge)
	return list
}

// byAge orders queues by when they were made.
func (q *Queue) byAge(than *Queue) int { return cmp.Compare(q.id, than.id) }

// start follows a recovery: what was Rested is made void, durably, before
// anything is delivered.
func (r *recovery) start(c *Core) error {
	if !r.rested {
		return nil
	}
	return c.journal.Wait(context.Background(), c.journal.Append(kindStarted, false, nil))
}

// known is what recovery has read of a queue's deliveries.
type known struct {
	rested   bool            // exactly these were delivered
	tales    []tale          // of the Rested
	returned map[uint64]told // of the Returned
}

func (r *recovery) started() {
	r.rested = false
	for _, q := range r.queues {
		for _, t := range q.tales {
			if t.told.deliveries() > 0 {
				q.cameRun(t)
			}
		}
		q.rested, q.tales = false, nil
	}
}

func (r *recovery) tales(rec journal.Record) error {
	id, tales, err := parseTales(rec.Body)
	if err != nil {
		return fmt.Errorf("record %d: %w", rec.LSN, err)
	}
	q := r.queue(id)
	if q.deleted {
		return nil
	}
	if rec.Kind == kindRested {
		r.rested, q.rested = true, true
		q.tales = append(q.tales, tales...)
		return nil
	}
	for _, t := range tales {
		q.cameRun(t)
	}
	return nil
}

// cameRun notes how often the messages of a run came back, at least.
func (q *recoveredQueue) cameRun(t tale) {
	for pos := t.first; pos < t.first+t.count; pos++ {
		if q.entries.has(pos) {
			q.came(pos, t.told)
		}
	}
}

func (k *known) came(pos uint64, t told) {
	if k.returned == nil {
		k.returned = map[uint64]told{}
	}
	k.returned[pos] = t
}

// of is what is known of the message at a position. Where the queue did not come to
// rest it may have been delivered.
func (k *known) of(pos uint64) (redelivered bool, deliveries uint32) {
	if !k.rested {
		return true, k.returned[pos].deliveries()
	}
	i, found := slices.BinarySearchFunc(k.tales, pos, func(t tale, pos uint64) int {
		switch {
		case pos < t.first:
			return 1
		case pos >= t.first+t.count:
			return -1
		}
		return 0
	})
	if !found {
		return false, 0
	}
	t := k.tales[i].told
	return t&1 != 0, t.deliveries()
}

// sort readies what is known for being asked: the lanes of a queue with priorities are told one after another.
func (k *known) sort() {
	slices.SortFunc(k.tales, func(a, b tale) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return 0
	})
}

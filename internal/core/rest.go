package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// Who knows whether a message was delivered before, and how often it came back, when the broker starts again? A delivery
// must not wait for the disk. So what is written down is whether anybody was given anything, queue by queue:
//
//   - Rested: the queue is at rest. Which of its messages may have been delivered is known: those that this record, or a Returned,
//     names, and all below a position. It is written when the queue is declared, when a broker closes in good order and has given
//     something out, and when one starts that does not find the queue at rest.
//   - Begun: deliveries begin. The first consumer, or get, of a queue that is at rest waits until it is durable; all
//     others find it done. From here to the next Rested any message may have been delivered.
//   - Returned: how often messages came back, each time they do, in a queue that tells its consumers or limits it. Such a count
//     stays: it is the least, whatever came then.
//
// So after an orderly end the flags are what they were; after any other, those of a queue from which nobody took anything since
// the start are what they were, and all messages of any other queue are marked.
//
// # Whatever a crash leaves
//
// Records are written in their order, and what is cut off at a crash is an end of the row. A Rested that is cut off leaves the queue as it was
// before: not at rest, and all is marked; or at rest by an older Rested, which still holds, since no Begun came between. A
// Begun that is cut off was not durable: nobody was given anything. Messages stand behind the Rested of their queue, so that
// a Rested is never cut off alone. Of several records for one queue the last is the Rested: before it is there, the others are
// Returned, and only add marks.
//
// Where something in the middle is missing, a Begun may be. So at every hole all queues that are known by then count as begun.
//
// # Whatever the compaction leaves
//
// It deletes the oldest segment first, and a Begun stands behind the Rested that it ends: none outlives its end. Of a queue at rest
// what is said of a message is written anew with the message, and that it is at rest with its declaration, both under the lock under which
// its deliveries would begin. The Rested stood behind these, so its segment goes after theirs. Of a queue that has begun
// only counts are worth it.
//
// Earlier versions wrote Started where deliveries of all queues began, and nothing when one was declared.

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

func (d *decoder) tales() (tales []tale) {
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
	return tales
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

// worthTelling says whether what is known of a message has to be written anew with it. The caller holds q.mu.
func (q *Queue) worthTelling(e queue.Entry[ref]) bool {
	if q.beginning != 0 {
		return e.Deliveries > 0 && q.counting
	}
	return e.Deliveries > 0 || e.Redelivered && !q.isBelow(e.Pos)
}

// isBelow says whether a position is among those of which all may have been delivered. The caller holds q.mu.
func (q *Queue) isBelow(pos uint64) bool {
	if pos >= queue.HighLevel {
		return pos < q.belowHigh
	}
	return pos < q.below
}

// begin is called before anything of the queue is delivered. Once a start it waits for the disk.
func (q *Queue) begin(ctx context.Context, b *Burst) error {
	c := q.vhost.core
	if c.journal == nil || !q.kept() || q.begun.Load() {
		return nil
	}
	if err := c.await(ctx, b, q.writeBegun()); err != nil {
		return err
	}
	q.begun.Store(true)
	return nil
}

func (q *Queue) writeBegun() journal.LSN {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.beginning == 0 && !q.gone && !q.resting {
		q.beginning = q.vhost.core.append(kindBegun, false, appendUint(nil, q.id))
	}
	return q.beginning
}

// stillAtRest follows the record of a declaration: it says anew that nobody was given anything, if that is so.
func (q *Queue) stillAtRest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.beginning == 0 {
		q.vhost.core.append(kindRested, false, q.rested(nil))
	}
}

// rested is the body of a Rested. The caller holds q.mu.
func (q *Queue) rested(tales []tale) []byte {
	return appendUint(appendUint(appendTales(nil, q.id, tales), q.below), q.belowHigh)
}

// talesARecord bounds a Returned or Rested: a queue may need several.
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
	q.flow.release()
	for id := range q.consumers {
		q.core.Pause(id)
	}
	if q.beginning != 0 {
		q.tell(func(kind journal.Kind, body []byte) { q.vhost.core.append(kind, false, body) })
	}
}

// tell gives the records that say which messages of a queue were delivered: a Rested, and any number of Returned before it. The caller holds q.mu.
func (q *Queue) tell(each func(kind journal.Kind, body []byte)) {
	var tales []tale
	for e, state := range q.core.All() {
		if !e.Msg.journaled() {
			continue
		}
		if state == queue.Out {
			e.Redelivered, e.Deliveries = true, e.Deliveries+1
		}
		if t := tell(e); t > 1 || t == 1 && !q.isBelow(e.Pos) {
			tales = addTale(tales, e.Pos, t)
		}
		if len(tales) == talesARecord {
			each(kindReturned, appendTales(nil, q.id, tales))
			tales = tales[:0]
		}
	}
	each(kindRested, q.rested(tales))
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

// known is what recovery has read of a queue's deliveries, beside the marks of its entries.
type known struct {
	rested           bool // nobody was given anything since
	below, belowHigh uint64
	counts           map[uint64]uint32 // how often an entry came back, at least
}

// allBegun says that anything may have been delivered from any queue.
func (r *recovery) allBegun() {
	for _, q := range r.queues {
		q.rested = false
	}
}

// holesAt is told how many holes the journal has up to here: in a new one there may have been a Begun of any queue.
func (r *recovery) holesAt(n int) {
	if n > r.holes {
		r.allBegun()
	}
	r.holes = n
}

func (r *recovery) told(rec journal.Record) error {
	d := decoder{b: rec.Body}
	id, tales := d.uint(), d.tales()
	if d.err != nil {
		return fmt.Errorf("record %d: rested or returned: %w", rec.LSN, d.err)
	}
	q := r.queue(id)
	if q.deleted {
		return nil
	}
	for _, t := range tales {
		q.learn(t)
	}
	if rec.Kind == kindRested {
		q.rested = true
		q.below, q.belowHigh = max(q.below, d.optional()), max(q.belowHigh, d.optional())
	}
	return nil
}

// learn notes what a tale says of messages that are there. Of others it speaks no more.
func (q *recoveredQueue) learn(t tale) {
	for pos := t.first; pos < t.first+t.count; pos++ {
		if !q.entries.has(pos) {
			continue
		}
		if t.told&1 != 0 {
			q.entries.mark(pos)
		}
		if n := t.told.deliveries(); n > 0 {
			if q.counts == nil {
				q.counts = map[uint64]uint32{}
			}
			q.counts[pos] = n
		}
	}
}

// watermarks are the positions below which all may have been delivered: of a queue that was not at rest, all that there are.
func (q *recoveredQueue) watermarks() (below, high uint64) {
	if q.rested {
		return q.below, q.belowHigh
	}
	return q.next, q.nextHigh
}

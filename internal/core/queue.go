package core

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// QueueSpec is what a client declares.
type QueueSpec struct {
	Name       string
	Durable    bool
	Exclusive  bool
	AutoDelete bool
	Args       amqp.Table

	// Fresh says that the name is one of FreshQueueName: reserved, and nobody else's.
	Fresh bool
}

// Queue is a monitor around a pure queue: every method takes its lock, does
// one event and performs the effects.
type Queue struct {
	QueueSpec
	id       uint64
	vhost    *VHost
	address  *Address    // of what the default exchange brings
	owner    *Client     // of an exclusive queue
	declared journal.LSN // the record of its declaration; guarded by vhost.mu

	left *queue.Queue[ref] // what was in it when it was closed; guarded by vhost.mu

	mu        sync.Mutex
	core      *queue.Queue[ref]
	consumers map[queue.ConsumerID]*Consumer
	gone      bool // deleted, or about to be by the end of a burst
	resting   bool // the broker closes: nothing is delivered any more
	counting  bool // tells its consumers how often a message came back
	demanding bool // its arguments concern every publish: priority, time to live, refusal
	levels    bool // it tells high priorities from normal ones
	timed     bool // has deadlines that events may bring nearer
	scheduled bool // known to the timer
	behind    bool // a burst dropped enough: the timer goes on once that has ended
	due       queue.Time
	resident  int64 // bytes of the messages that are in memory
	residents int   // how many those are
	counts    QueueCounts
	meter     *meter[queueFigures] // nil until somebody asks
	newest    uint64               // no message behind this position is in memory; of a queue without priorities, or of a normal level

	// What the journal says of its deliveries, see rest.go.
	beginning        journal.LSN // the Begun of this process; 0 = nobody was given anything since the queue was at rest
	below, belowHigh uint64      // messages below, of a normal level and of the high one, may have been delivered
	begun            atomic.Bool // its Begun is durable

	deadline deadline // guarded by the timer

	// What its arguments and policies come to, see adopt; guarded by mu.
	ruling   ruling
	dying    *string     // where dead letters go; nil: nowhere
	dyingKey *string     // replaces their key
	ttl      queue.Bound // of what is published here
	measured bool        // it counts bytes

	patience atomic.Int64 // ConsumerTimeout, for whoever asks

	ceiling *ceiling // guarded by mu; nil: none

	flow flow // guarded by mu
}

// newQueue makes a queue that nobody knows yet. The caller holds v.mu.
func newQueue(v *VHost, id uint64, now queue.Time, spec QueueSpec, r ruling) *Queue {
	q := &Queue{
		QueueSpec: spec,
		id:        id,
		vhost:     v,
		address:   &Address{Key: spec.Name},
		consumers: map[queue.ConsumerID]*Consumer{},
	}
	cfg := q.adopt(r)
	q.core = queue.New[ref](now, cfg)
	q.core.EndWith(ref.large)
	q.measure(cfg)
	return q
}

// durableFor says whether m has to be in the journal for this queue.
func (q *Queue) durableFor(m *Message) bool {
	return q.kept() && q.vhost.core.journal != nil && m.Persistent()
}

// ConsumerTimeout is how long a delivery from this queue may wait for its
// acknowledgement; 0 where neither its arguments nor its policies say. It takes no lock.
func (q *Queue) ConsumerTimeout() time.Duration { return time.Duration(q.patience.Load()) }

// QueueInfo is what declare-ok tells.
type QueueInfo struct {
	Name      string
	Messages  int // ready
	Consumers int
}

func (q *Queue) info() QueueInfo {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueInfo{Name: q.Name, Messages: q.core.Len(), Consumers: q.core.Consumers()}
}

// perform does what an event led to. Where that is to drop more than a burst
// may, the rest is left to the timer. The caller holds q.mu.
func (q *Queue) perform(b *Burst, fx *queue.Effects[ref]) {
	for {
		b.dropped += len(fx.Drop)
		for i := range fx.Drop {
			q.drop(b, &fx.Drop[i])
		}
		for i := range fx.Deliver {
			q.deliver(b, &fx.Deliver[i])
		}
		if fx.Deleted != queue.Alive {
			q.gone = true
			b.finish = append(b.finish, q)
		}
		if !fx.More {
			break
		}
		if len(fx.Drop) > 0 && b.droppedEnough() {
			q.leaveRest(b)
			break
		}
		fx = q.core.Advance(b.now)
	}
	if q.timed {
		q.schedule()
	}
}

// drop ends a message that nobody acknowledged, or leaves that to its dead letter.
func (q *Queue) drop(b *Burst, d *queue.Dropped[ref]) {
	if q.dying == nil {
		q.settled(b, d.Entry.Pos, d.Entry.Msg)
		return
	}
	q.lighten(b, d.Entry.Msg)
	q.mourn(b, d.Entry.Msg, d.Entry.Pos, d.Reason)
}

func (q *Queue) deliver(b *Burst, d *queue.Delivery[ref]) {
	c := q.consumers[d.Consumer]
	if c.refused { // of this very event: what follows must not overtake it
		q.core.TakeBack(d.Entry.Pos)
		return
	}
	out := Delivery{
		Consumer:    c,
		Pos:         d.Entry.Pos,
		Redelivered: d.Entry.Redelivered,
		Deliveries:  d.Entry.Deliveries,
	}
	q.hand(&out, d.Entry.Msg, d.NoAck)
	taken := c.sink.Deliver(out)
	if taken.Refused {
		c.refused = true
		q.core.TakeBack(d.Entry.Pos)
	}
	if taken.Full || taken.Refused {
		q.core.Pause(c.id)
	}
	if taken.Wake {
		b.wake = append(b.wake, c.sink)
	}
	if !taken.Refused {
		q.flow.took(q.core.Len())
		q.countGiven(b, Delivered, d.NoAck, d.Entry.Redelivered)
	}
	if d.NoAck {
		q.settledBy(b, &out, d.Entry.Msg)
	}
}

// settled ends a message that left the queue.
func (q *Queue) settled(b *Burst, pos uint64, r ref) {
	q.lighten(b, r)
	q.record(b, pos, r)
}

// record notes in the journal that the queue needs r at pos no more.
func (q *Queue) record(b *Burst, pos uint64, r ref) {
	lsn := r.lsn()
	if lsn == 0 {
		return
	}
	if r.journaled() {
		b.one = append(b.one[:0], span{first: pos, count: 1})
		q.writeSettled(b, b.one)
	}
	q.vhost.core.release(lsn)
}

func (q *Queue) writeSettled(b *Burst, spans []span) {
	b.scratch = appendSettled(b.scratch[:0], q.id, spans)
	q.vhost.core.appendLater(kindSettled, b.scratch)
}

// Settle ends deliveries that were acknowledged. Positions that are not out
// are ignored: their queue was purged of them or deleted.
func (q *Queue) Settle(b *Burst, positions ...uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.acked = b.acked[:0]
	for _, pos := range positions {
		r, ok, fx := q.core.Settle(b.now, pos)
		if !ok {
			continue
		}
		q.count(b, Acknowledged)
		q.lighten(b, r)
		q.end(b, pos, r)
		q.perform(b, fx)
	}
	q.recordEnded(b)
}

// end puts a message that left the queue among those of which recordEnded takes care.
func (q *Queue) end(b *Burst, pos uint64, r ref) {
	if r.journaled() {
		b.acked = addSpan(b.acked, pos)
	}
	if lsn := r.lsn(); lsn != 0 {
		b.ended = append(b.ended, lsn)
	}
}

// recordEnded notes in the journal what ended, and releases it.
func (q *Queue) recordEnded(b *Burst) {
	if len(b.acked) > 0 {
		q.writeSettled(b, b.acked)
	}
	b.release(q.vhost.core)
}

// Requeue returns deliveries to their places, marked as redelivered.
func (q *Queue) Requeue(b *Burst, positions ...uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return
	}
	fx := q.core.Requeue(b.now, positions...)
	if q.counting && q.kept() {
		q.noteReturned(b, positions)
	}
	q.perform(b, fx)
}

// Return is Requeue of deliveries that nobody has seen: they are not marked.
func (q *Queue) Return(b *Burst, positions ...uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.gone {
		q.perform(b, q.core.Return(b.now, positions...))
	}
}

// Discard ends deliveries that were rejected for good.
func (q *Queue) Discard(b *Burst, positions ...uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, pos := range positions {
		q.perform(b, q.core.Reject(b.now, pos, false))
	}
}

// catchUp does what is due. The caller holds q.mu.
func (q *Queue) catchUp(b *Burst) {
	if due, ok := q.core.Deadline(); ok && due <= b.now {
		q.perform(b, q.core.Advance(b.now))
	}
}

// overdue says that the first message has expired, and waits to be dropped. The
// caller holds q.mu.
func (q *Queue) overdue(now queue.Time) bool {
	due, ok := q.core.Deadline()
	return ok && due <= now && q.behind
}

// get takes the first ready message; with noAck it is gone from the queue. It
// returns errBehind when more have to be dropped before than a burst may.
func (q *Queue) get(b *Burst, noAck bool) (d Delivery, left int, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || q.resting {
		return d, 0, false, nil
	}
	q.core.Touch(b.now)
	q.catchUp(b)
	if q.overdue(b.now) {
		return d, 0, false, errBehind
	}
	e, ok := q.core.Get(b.now, noAck)
	if !ok {
		q.count(b, GotNothing)
		return d, 0, false, nil
	}
	q.countGiven(b, Got, noAck, e.Redelivered)
	q.catchUp(b) // what expired behind e does not count as left
	if q.timed {
		q.schedule()
	}
	d = Delivery{Pos: e.Pos, Redelivered: e.Redelivered, Deliveries: e.Deliveries}
	q.handTelling(&d, e.Msg, noAck, q.counting) // as RabbitMQ, which tells who gets that it is the first time
	if noAck {
		q.settledBy(b, &d, e.Msg)
	}
	return d, q.core.Len(), true, nil
}

// purgeSlice is how many messages a purge ends at a time, with one record.
const purgeSlice = 4 << 10

// purge drops as much as is ready, and returns how much that was. Others have their turn after each slice: what they publish meanwhile may go in the place of what
// they take.
func (q *Queue) purge(b *Burst) (n int) {
	n, most := q.purgeSome(b, purgeSlice)
	for n < most {
		runtime.Gosched() // who waits for the lock is to get it
		some, _ := q.purgeSome(b, min(purgeSlice, most-n))
		if some == 0 {
			break
		}
		n += some
	}
	return n
}

// purgeSome drops so many of what is ready, if there are, and returns how many that were, of how many.
func (q *Queue) purgeSome(b *Burst, most int) (n, of int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.acked = b.acked[:0]
	of = q.core.Len()
	n = q.core.Purge(most, func(e queue.Entry[ref]) {
		q.lighten(b, e.Msg)
		q.end(b, e.Pos, e.Msg)
	})
	q.recordEnded(b)
	if q.timed { // what came meanwhile is first now
		q.schedule()
	}
	return n, of
}

// close ends the queue's life: consumers are told, nothing is in it any more.
// It returns how many messages were ready.
func (q *Queue) close(b *Burst) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gone = true
	q.flow.release()
	for _, id := range slices.Sorted(maps.Keys(q.consumers)) {
		b.cancelled = append(b.cancelled, q.consumers[id])
		delete(q.consumers, id)
	}
	q.vhost.core.timer.forget(q)
	n := q.core.Len()
	q.weigh(b, -q.resident)
	q.residents = 0
	q.left, q.core = q.core, queue.New[ref](b.now, queue.Config{})
	return n
}

// letGo releases the messages of a closed queue, after the record of its
// deletion, which stands for their settlement. Nobody else knows them any more.
func (q *Queue) letGo() {
	for e := range q.left.All() {
		if lsn := e.Msg.lsn(); lsn != 0 {
			q.vhost.core.release(lsn)
		}
	}
	q.left = nil
}

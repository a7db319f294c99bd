package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// A checkpoint is what recovery would make of the whole journal, written down
// when the broker closes in good order, so that the next start need not read it.
// The journal decides whether it holds; here is what is in it:
//
//	version 1, the kinds of record that the writer knew (a byte each), the highest queue id that was given, then one after another
//	a fact that holds   kind, LSN, body: declarations, bindings, settings, as in the journal
//	Returned, Rested    kind, 0, body: as in the journal, behind the messages of the queue
//	Held                256, 0, body: the messages of a queue, see held
//
// Each is a number, a number, and bytes. Every live record is named here as
// often as it is held; the journal counts that, so that nothing can be left out:
// neither a message that is being published meanwhile, nor a dead letter
// that is in no queue at this moment.
const (
	checkpointVersion = 1
	itemHeld          = 256 // no kind of record
)

// checkpoint looks at everything. Nothing is delivered any more.
func (c *Core) checkpoint() *journal.Checkpoint {
	w := checkpointWriter{to: c.journal.NewCheckpoint(), wall: c.wall().UnixMilli(), now: c.Now()}
	w.b = appendText(appendUint(nil, checkpointVersion), knownKinds())
	w.b = appendUint(w.b, c.queueID.Load())
	for _, v := range c.VHosts() {
		w.vhost(v)
	}
	for _, q := range c.all() {
		w.queue(q)
	}
	w.settings(&c.settings)
	w.to.Body = w.b
	return w.to
}

// knownKinds are written down so that an older version, which may not know all, reads the journal itself: it would have to
// refuse that after the next crash, and should not find it fine before.
func knownKinds() string {
	var b []byte
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		b = append(b, byte(kind))
	}
	return string(b)
}

type checkpointWriter struct {
	to   *journal.Checkpoint
	b    []byte
	wall int64 // ms since 1970
	now  queue.Time
}

func (w *checkpointWriter) item(kind uint64, lsn journal.LSN, body []byte) {
	w.b = appendUint(appendUint(w.b, kind), uint64(lsn))
	w.b = append(appendUint(w.b, uint64(len(body))), body...)
}

func (w *checkpointWriter) fact(kind journal.Kind, lsn journal.LSN, body []byte) {
	if lsn != 0 {
		w.to.Hold(lsn, true)
		w.item(uint64(kind), lsn, body)
	}
}

func (w *checkpointWriter) vhost(v *VHost) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.fact(kindVHostDeclared, v.declared, v.declaration())
	for key, lsn := range v.facts {
		w.fact(journal.Kind(key[0]), lsn, []byte(key[1:]))
	}
}

func (w *checkpointWriter) settings(s *settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.byKey {
		w.fact(kindSettingMade, f.lsn, f.value.record())
	}
}

func (w *checkpointWriter) queue(q *Queue) {
	q.vhost.mu.Lock()
	w.fact(kindQueueDeclared, q.declared, q.declaration())
	q.vhost.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	w.held(q)
	if q.kept() {
		q.tell(func(kind journal.Kind, body []byte) { w.item(uint64(kind), 0, body) })
	}
}

// heldBytes is about how long a Held gets: a queue may need several.
const heldBytes = 1 << 20

// held writes
//
//	queue id, the position above the highest that was given, the time in ms since 1970,
//	n × (gap, distance, size, life)
//
// for the messages that a restart brings back, in the order of the queue: how
// far the position is from the last one's, and the record's address from the last
// one's, in eighths; the size of the body in bytes; and the life as in Expiring. A queue with two levels has another, without
// messages, for the position above the highest of the high level. The caller holds q.mu.
func (w *checkpointWriter) held(q *Queue) {
	var body []byte
	var pos, cell int64
	next, high := q.core.Reserved()
	begin := func(next uint64) {
		body = appendUint(appendUint(body[:0], q.id), next)
		body = appendUint(body, uint64(max(0, w.wall)))
		pos, cell = 0, 0
	}
	begin(next)
	for e := range q.core.All() {
		lsn := e.Msg.lsn()
		if lsn != 0 {
			w.to.Hold(lsn, e.Msg.journaled())
		}
		if !e.Msg.journaled() {
			continue
		}
		body = appendInt(body, int64(e.Pos)-pos)
		body = appendInt(body, int64(lsn/8)-cell)
		pos, cell = int64(e.Pos), int64(lsn/8)
		body = appendUint(body, uint64(e.Msg.size()))
		body = appendUint(body, w.life(q, e.Pos))
		if len(body) >= heldBytes {
			w.item(itemHeld, 0, body)
			begin(next)
		}
	}
	if !q.kept() {
		return
	}
	w.item(itemHeld, 0, body)
	if high != 0 { // its positions go on by themselves
		begin(high)
		w.item(itemHeld, 0, body)
	}
}

// life is how many ms a message may wait from now on, and one; 0 = for ever.
func (w *checkpointWriter) life(q *Queue, pos uint64) uint64 {
	end, expires := q.core.Expiry(pos)
	if !expires {
		return 0
	}
	return uint64(max(0, end-w.now)/millisecond) + 1
}

// appendInt writes a number that may be negative: twice as large, or, below zero, twice its complement and one.
func appendInt(dst []byte, v int64) []byte { return appendUint(dst, uint64(v<<1^v>>63)) }

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

var errNotOurs = errors.New("checkpoint is of another version")

// restore takes a checkpoint in place of the records.
func (r *recovery) restore(body []byte) error {
	d := decoder{b: body}
	if d.uint() != checkpointVersion {
		return errNotOurs
	}
	for _, kind := range d.bytes() {
		if _, ok := kinds[journal.Kind(kind)]; !ok {
			return errNotOurs
		}
	}
	last := d.uint()
	fresh := newRecovery()
	for len(d.b) > 0 {
		kind, lsn, body := d.uint(), journal.LSN(d.uint()), d.bytes()
		if d.err != nil {
			return fmt.Errorf("checkpoint: %w", d.err)
		}
		if err := fresh.item(kind, lsn, body); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	*r = *fresh
	r.lastID = max(r.lastID, last)
	return d.err
}

func (r *recovery) item(kind uint64, lsn journal.LSN, body []byte) error {
	if kind == itemHeld {
		return r.held(body)
	}
	switch journal.Kind(kind) {
	case kindQueueDeclared, kindExchangeDeclared, kindBound, kindVHostDeclared, kindSettingMade, kindRested, kindReturned:
		return r.replay(journal.Record{LSN: lsn, Kind: journal.Kind(kind), Live: true, Body: body})
	}
	return errNotOurs
}

func (r *recovery) held(body []byte) error {
	d := decoder{b: body}
	q := r.queue(d.uint())
	q.seen(d.uint())
	at := int64(d.uint())
	var pos, cell int64
	for len(d.b) > 0 {
		pos += d.int()
		cell += d.int()
		size := d.uint()
		life := d.uint()
		if d.err != nil || pos < 0 || cell <= 0 || size > journal.MaxBody {
			return errShortRecord
		}
		q.entries.put(uint64(pos), pagedRef(journal.LSN(cell*8), false, int(size)))
		q.limit(place{pos: uint64(pos), life: life}, at)
	}
	return d.err
}

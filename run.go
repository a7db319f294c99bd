package postrider

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/pack"
)

// run is a pack in the hands of the one goroutine that receives at a tap. Its messages are made together and looked up among the repeats
// together; then each is handed out, settled and put back like any other. Whoever else works at the tap would wait for all of them, so runs are for who is alone.
//
//	feed ──begin──► made, in hand ──take──► handed out ──handled──► booked ──tell──► settled
//	                      └──────endRun───► put back, as if nobody had seen them
//
// That its handler has returned is booked in the message alone. It is told to all who have to know, for many at a time: at the end of the run, and
// before that as soon as somebody wants to know, see book.
//
// Who keeps one of the messages keeps the run: their bodies, see package pack, their ids, and a Message of 128 bytes for each.
type run struct {
	at    atomic.Int32 // what comes next in room
	ended atomic.Bool

	mu   sync.Mutex
	room []Message // set by who receives, who need not hold mu to read it
	told places    // of what was booked, in its pack
}

// take returns the next message; nil if there is none. For the one who receives.
func (r *run) take() *Message {
	for int(r.at.Load()) < len(r.room) {
		n := int(r.at.Add(1)) - 1
		if n >= len(r.room) { // it was ended in between
			return nil
		}
		if m := &r.room[n]; m.settled.Load() == 0 { // others are repeats
			return m
		}
	}
	return nil
}

// begin makes a plain pack the run. With hurry, what is booked is to be told of, for a repeat waits. The caller holds the run's mu.
func (t *tap) begin(a *arrival, p *press) (hurry bool) {
	from := a.from.(*packed)
	n := from.count - int(a.tag)
	t.open.Add(int64(n) - 1) // one is counted
	o := &origin{tap: t, from: from, props: a.props, run: t.marker == nil}
	l, _ := p.look(a)
	room := make([]Message, n)
	rest := a.pack
	var repeats []repeat
	ids := spelling{prefix: from.prefix}
	var last mark
	t.repeats.mu.Lock()
	for i := range room {
		m := &room[i]
		var name pack.Name
		name, m.Body, rest, _ = pack.Next(rest)
		id, follows := ids.next(name, n-i)
		m.ID, m.From, m.To, m.ContentType, m.Redelivered = id, l.from, t.target.name, l.contentType, a.redelivered
		m.origin, m.tag, m.more = o, a.tag+uint64(i), a.more || i < n-1
		mark, ok := last.next()
		if !follows || !ok {
			mark = t.repeats.find(m.From, id)
		}
		last = mark
		sight := t.repeats.look(mark, a)
		switch sight {
		case unseen:
			m.mark = mark
			continue
		case inHand:
			t.repeats.keep(mark, from.message(m.tag), t)
			hurry = true
		}
		repeats = append(repeats, repeat{m, sight})
	}
	t.repeats.mu.Unlock()
	for _, r := range repeats {
		r.message.repeated(r.sight)
	}
	t.run.room, t.run.told = room, places{}
	t.run.at.Store(0)
	return hurry
}

// book is Ack for the goroutine that receives, of a message of its run. It is told of when the goroutine asks for what comes after the run, or at once if that
// matters: its receiver or its node ends, or a repeat waits for what becomes of the first. Who makes it matter says so, and then tells of all that is booked.
func (m *Message) book() {
	if !m.settled.CompareAndSwap(0, booked) {
		return
	}
	m.observed(StepHandled, nil)
	t := m.tap
	if t.run.ended.Load() || t.repeats.waits.Load() > 0 || t.target.node.inbox.closely.Load() {
		t.tell()
	}
}

// tell settles what is booked, and was not told of.
func (t *tap) tell() {
	r := &t.run
	var now places
	more := true
	r.mu.Lock()
	room := r.room
	for i := range room[:min(int(r.at.Load()), len(room))] {
		if m := &room[i]; m.settled.Load() == booked && !r.told.has(m.tag) {
			now.add(m.tag)
			more = m.more
		}
	}
	r.told.join(now)
	r.mu.Unlock()
	n := now.count()
	if n == 0 {
		return
	}
	pack := room[0].from.(*packed)
	how := pack.from.ack
	if more {
		how = pack.from.ackSoon
	}
	pack.settleAll(now, n, how)
	for _, w := range t.repeats.endAll(room, now) {
		passAll(w.first, acknowledged, w.repeats)
	}
	t.less(n)
}

// hurry tells of what is booked in all runs, after something was set that makes it matter.
func (n *Node) hurry() {
	n.mu.Lock()
	taps := slices.Collect(maps.Keys(n.taps))
	n.mu.Unlock()
	for _, t := range taps {
		t.tell()
	}
}

// repeat is a message that is not to be handed out.
type repeat struct {
	message *Message
	sight   sight
}

// endRun puts back what was not handed out, in order.
func (t *tap) endRun() {
	t.run.mu.Lock()
	room := t.run.room
	at := int(t.run.at.Swap(int32(len(room))))
	t.run.ended.Store(true)
	t.run.mu.Unlock()
	t.tell()
	for i := min(at, len(room)); i < len(room); i++ {
		m := &room[i]
		if !m.settled.CompareAndSwap(0, requeued) {
			continue
		}
		t.passRepeats(m.mark, givenBack) // first, or who gets it next takes it for a repeat of itself
		m.from.putBack(m.tag)
		t.less(1)
	}
}

package postrider

import (
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/pack"
)

// run is a pack in the hands of the one goroutine that receives at a tap. Its messages are made together and looked up among the repeats
// together; then each is handed out, settled and put back like any other. Whoever else works at the tap would wait for all of them, so runs are for who is alone.
//
//	feed ──begin──► made, in hand ──take──► handed out
//	                      └──────endRun───► put back, as if nobody had seen them
//
// Who keeps one of the messages keeps the run: their bodies, see package pack, and a Message of 128 bytes for each.
type run struct {
	at atomic.Int32 // what comes next in room

	mu   sync.Mutex
	room []Message // set by who receives, who need not hold mu to read it
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

// begin makes a plain pack the run. The caller holds the run's mu.
func (t *tap) begin(a *arrival, p *press) {
	from := a.from.(*packed)
	n := from.count - int(a.tag)
	t.open.Add(int64(n) - 1) // one is counted
	o := &origin{tap: t, from: from, props: a.props}
	l, _ := p.look(a)
	room := make([]Message, n)
	var repeats []repeat
	t.repeats.mu.Lock()
	for i := range room {
		m := &room[i]
		var id []byte
		id, m.Body, a.pack, _ = pack.Next(a.pack)
		m.ID, m.From, m.To, m.ContentType, m.Redelivered = p.id(id, 0, true), l.from, t.target.name, l.contentType, a.redelivered
		m.origin, m.tag, m.more = o, a.tag+uint64(i), a.more || i < n-1
		mark, sight := t.repeats.look(m.From, m.ID, a)
		switch sight {
		case unseen:
			m.mark = mark
			continue
		case inHand:
			t.repeats.keep(mark, from.message(m.tag))
		}
		repeats = append(repeats, repeat{m, sight})
	}
	t.repeats.mu.Unlock()
	for _, r := range repeats {
		r.message.repeated(r.sight)
	}
	t.run.room = room
	t.run.at.Store(0)
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
	t.run.mu.Unlock()
	for i := min(at, len(room)); i < len(room); i++ {
		m := &room[i]
		if !m.settled.CompareAndSwap(0, requeued) {
			continue
		}
		t.passRepeats(m.mark, givenBack) // first, or who gets it next takes it for a repeat of itself
		m.from.putBack(m.tag)
		t.less()
	}
}

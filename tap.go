package postrider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// tap is one receiver at one target: a handler or a loop over messages. What it has
// taken and not handed out goes back when it is stopped; what it has handed out
// can be settled for as long as the node runs.
type tap struct {
	target  *Target
	feed    *feed
	intake  intake
	repeats *repeats
	marker  *marker       // writes down what was handled; nil: nobody
	options handleOptions // how what cannot be opened is tried again, as what a handler fails upon
	ending  chan struct{} // closed when stop begins
	end     sync.Once
	warned  sync.Once // that messages come back before their time

	alone bool // one goroutine receives, from the inbox: it takes packs as a whole
	run   run
	stand atomic.Pointer[standIn] // of a Handle at a broker in this process
	open  atomic.Int64            // taken out of the feed and not settled; and one until it is stopped
	gone  chan struct{}           // closed when the intake was released, with the last of them

	mu      sync.Mutex
	hands   []*hand // of its workers or its loop
	held    int     // of what is open, what waits here to be tried again
	stopped bool    // no more are handed out
}

func newTap(target *Target) *tap {
	t := &tap{target: target, repeats: target.repeats, options: handleOptionsOf(nil), ending: make(chan struct{}), gone: make(chan struct{})}
	t.feed = newFeed(&t.open)
	t.open.Store(1)
	return t
}

// openTap begins to receive at target, with so many goroutines: only what from has sent, if it is not empty.
func (n *Node) openTap(target *Target, receivers, prefetch int, from string) (*tap, error) {
	t := newTap(target)
	t.alone = receivers == 1 && target.way == outlet(n.inbox) && !target.sealed
	t.feed.idle = n.local.conn.Flush // what answers wait for does not come now
	if target.copies {
		t.repeats = newRepeats()
	}
	if target.place != "" {
		t.marker = n.marker
	}
	if n.isLeaving() {
		return nil, ErrClosed
	}
	if from != "" {
		t.intake = n.inbox.takeFrom(from, t)
	} else {
		t.intake = target.way.take(prefetch, t)
	}
	if !n.enter(t) { // it closes meanwhile
		t.stop()
		return nil, ErrClosed
	}
	return t, nil
}

func (n *Node) isLeaving() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leaving
}

// enter lets the node stop the tap when it closes; false when it is too late for that.
func (n *Node) enter(t *tap) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.leaving {
		n.taps[t] = struct{}{}
	}
	return !n.leaving
}

// hand is given what arrives. What comes too late goes back: where one receiver is served at a time with the others, unless it is one of a partition.
func (t *tap) hand(batch []arrival) {
	noteAll(batch)
	if !t.feed.push(batch) && (!t.target.single || t.target.partitions > 0) {
		putBackAll(batch)
	}
}

func putBackAll(batch []arrival) {
	for _, a := range batch {
		for m := range a.each {
			m.from.putBack(m.tag)
		}
	}
}

func (t *tap) ready() { t.feed.ready() }

// next waits for a message; false when ctx ends or the tap is stopped.
func (t *tap) next(ctx context.Context, p *press) (*Message, bool) {
	for {
		if t.alone && ctx.Err() == nil {
			if m := t.run.take(); m != nil {
				return m, true
			}
		}
		var a arrival
		if !t.feed.next(ctx, func(rested bool) (ok, ended bool) { return t.pop(&a, rested, p) }) {
			return nil, false
		}
		if a.plain { // it is a run now
			continue
		}
		if m := t.see(&a, p); m != nil {
			return m, true
		}
	}
}

// see makes an arrival a message; nil if it is not to be handed out.
func (t *tap) see(a *arrival, p *press) *Message {
	if a.from.stale(a.tag) {
		a.from.giveBack(a.tag)
		t.less(1)
		return nil
	}
	m := t.message(a, p)
	if m.tooLate() || m.tooEarly() {
		return nil
	}
	if err := m.unseal(p); err != nil {
		m.refuse(err)
		return nil
	}
	if !m.first(a) {
		return nil
	}
	return m
}

// pop takes something out of the feed. A plain pack becomes a run.
func (t *tap) pop(a *arrival, rested bool, p *press) (ok, ended bool) {
	if !t.alone {
		return t.feed.pop(a, rested, false)
	}
	t.tell()
	hurry := false
	t.run.mu.Lock()
	t.run.room = nil
	ok, ended = t.feed.pop(a, rested, true)
	if ok && a.plain {
		hurry = t.begin(a, p)
	}
	t.run.mu.Unlock()
	if hurry {
		t.target.node.hurry()
	}
	return ok, ended
}

// tooLate drops a message that has expired while it waited here.
func (m *Message) tooLate() bool {
	if !m.late() {
		return false
	}
	m.log().Debug("a message has expired", "message", m.ID, "from", m.From, "target", m.tap.target.String())
	m.handOver(passedOn)
	return true
}

// first reports whether the message is to be handed out, and not the repeat of one that was.
func (m *Message) first(a *arrival) bool {
	mark, sight := m.tap.repeats.see(m.From, m.ID, *a, m.tap)
	if sight == unseen {
		m.mark = mark
		return true
	}
	m.repeated(sight)
	if sight == inHand {
		m.tap.target.node.hurry()
	}
	return false
}

// repeated ends a message that is the repeat of another.
func (m *Message) repeated(s sight) {
	switch s {
	case handled:
		m.answerAgain()
		m.ack(false)
	case elsewhere:
		m.handOver(passedOn)
	case inHand:
		m.settled.Store(requeued) // it is in the hands of repeats now
		m.tap.settled(m.mark, givenBack)
	}
}

// tooEarly sends a message that is not due yet on to wait, see ladder. It drops one that has expired since it was tried last.
func (m *Message) tooEarly() bool {
	if !m.headed {
		return false
	}
	d := due(m.props)
	if d.IsZero() && !m.Redelivered {
		return false
	}
	if at := number(m.headers(), headerExpires); at != 0 {
		if m.deadline = time.Since(started) + time.Until(time.UnixMilli(at)); m.deadline == 0 {
			m.deadline--
		}
		if m.tooLate() {
			return true
		}
	}
	if d.IsZero() || time.Until(d) <= early {
		return false
	}
	if !m.tap.target.node.begin(1) {
		m.Requeue()
		return true
	}
	f, _ := m.Failure()
	v := verdict{failure: f, due: d, early: true}
	if cutShort(m.headers(), time.Now()) {
		go m.pause(v)
	} else {
		m.dispose(v)
	}
	return true
}

// settled is called once for each message that was handed out.
func (t *tap) settled(m mark, o outcome) {
	t.passRepeats(m, o)
	t.less(1)
}

// passRepeats settles the repeats that waited for what becomes of the first.
func (t *tap) passRepeats(m mark, o outcome) { passAll(m, o, t.repeats.settled(m, o)) }

// passAll settles repeats, each where it came: that may be another receiver than the one of the first.
func passAll(m mark, o outcome, repeats []later) {
	for _, a := range repeats {
		a.at.pass(m, o, a.arrival)
	}
}

func (t *tap) pass(m mark, o outcome, a arrival) {
	switch {
	case !t.repeats.over(m, o, a):
		t.hand([]arrival{a})
		t.ready()
	case wantsReceipt(a.props): // by the address in this one
		t.repeat(a, o)
	case o == acknowledged && wantsReply(a.props):
		t.answerAgain(a)
		a.from.ack(a.tag)
	default:
		a.from.ack(a.tag)
	}
}

// repeat settles the repeat of a message whose sender waits for its receipt: he asked again because the connection broke.
func (t *tap) repeat(a arrival, o outcome) {
	if o == acknowledged {
		if m := t.reopened(a); m != nil {
			m.tell(nil)
		}
		a.from.ack(a.tag)
		return
	}
	t.hand([]arrival{a}) // in place of the one that waits elsewhere, whose receipt would not arrive
	t.ready()
}

// reopened is the message of a repeat of one that was handled; nil if it cannot be opened, which that could be.
func (t *tap) reopened(a arrival) *Message {
	p := new(press)
	m := t.message(&a, p)
	if m.unseal(p) != nil {
		return nil
	}
	return m
}

// less counts n that are not open any more. The last one is the tap itself, or what was handed out before it was stopped.
func (t *tap) less(n int) {
	if t.open.Add(-int64(n)) == 0 {
		t.intake.release()
		close(t.gone)
	}
	if t.target.holds { // what is left may be held
		t.target.node.stir()
	}
}

// stop hands out nothing more, and gives back what was not handed out: after the broker has been told
// that no more is wanted, lest it come here again. Where one receiver is served at a time this one stays it until
// all that was handed out is settled, and what is left goes back as a whole.
func (t *tap) stop() {
	t.end.Do(func() { close(t.ending) })
	t.feed.end()
	shift, parted := t.intake.(*shift)
	switch {
	case parted: // each partition by itself
		shift.leave()
		putBackAll(t.feed.close())
	case t.target.single:
		t.feed.close()
	default:
		<-t.intake.stop()
		t.endRun()
		putBackAll(t.feed.close())
	}
	t.mu.Lock()
	stopped := t.stopped
	t.stopped = true
	t.mu.Unlock()
	if !stopped {
		t.less(1)
	}
	if t.open.Load() == 0 {
		<-t.gone // another may be about it
	}
	n := t.target.node
	n.mu.Lock()
	delete(n.taps, t)
	n.mu.Unlock()
	n.stir()
}

// leave is stop for somebody who is about to return: a broker that does not answer holds him up no longer than leaveWithin. What was
// not handed out then goes back when the broker answers, or by itself when the connection is given up.
func (t *tap) leave() {
	stopped := make(chan struct{})
	go func() {
		t.stop()
		close(stopped)
	}()
	timer := time.NewTimer(leaveWithin)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
	}
}

const leaveWithin = time.Second / 2

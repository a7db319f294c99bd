package postrider

import (
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// hold keeps a message that failed in this process, unsettled, until it is due, and has it handled here again. It comes
// again from the broker when the receiver ends before.
func (m *Message) hold(v verdict) {
	if m.rest(v.due) {
		m.handAgain(v)
	}
}

// keep is hold for a message that could not be passed on, after so many other tries since then, to where it was to wait or to lie dead: until that is
// tried again, which it reports. One that is due before is handled here again, and its failures count. A dead one is not, as long as it is kept: until
// its receiver ends, or its broker would soon take it away from him, and the others that he has with it.
func (m *Message) keep(v verdict, since time.Time, tries int, why error) (tryAgain bool) {
	n := m.tap.target.node
	now := time.Now()
	wait := keepFor(tries)
	left := max(v.due.Sub(now), ladder[0].Wait)
	due := !v.dead && left <= wait
	if due {
		wait = left
	}
	until := now.Add(wait)
	patience := n.cfg.patience()
	if n.ctx.Err() != nil || patience > 0 && until.Sub(since) > patience {
		m.letGo()
		return false
	}
	m.log().Warn("a message that was not handled is kept here, for it cannot be passed on", "message", m.ID, "from", m.From,
		"target", m.tap.target.String(), "for", wait.Round(time.Millisecond), "error", m.tap.target.unpassed(why))
	if !m.rest(until) {
		return false
	}
	if due {
		m.handAgain(v)
	}
	return !due
}

// cutShort reports whether a message is back from where it waits before it should be: a policy has a time to live for the queue there that is
// shorter than its own, or a limit that others have pushed it over.
func cutShort(headers []byte, now time.Time) bool {
	return number(headers, headerBack) > now.Add(early).UnixMilli()
}

// breath is how long a message is kept that came back before its time. It would go round as fast as broker and node can, but while it is here it takes
// the place of another.
const breath = 100 * time.Millisecond

// pause keeps a message that is not due for a breath, and has it wait elsewhere again.
func (m *Message) pause(v verdict) {
	t := m.tap
	t.warned.Do(func() {
		m.log().Warn("messages come back from where they wait before their time, and go there again and again: see to the policies whose pattern matches "+
			"those queues (message-ttl, max-length, max-length-bytes), and to the clocks of all nodes",
			"target", t.target.String(), "queues", t.target.mailbox()+client.RetryInfix+"*")
	})
	switch until := time.Now().Add(breath); {
	case !v.due.After(until):
		m.hold(v)
	case m.rest(until):
		m.dispose(v)
		return
	}
	t.target.node.workers.Done()
}

// keepFor is how long a message is kept that could not be passed on, nor at n tries before: a second, then 3, and so on, up to 10 minutes.
func keepFor(n int) time.Duration { return backoff(n + 3) }

// rest keeps a message, unsettled, until then; false when it came to an end, or could not be settled any more, before that.
func (m *Message) rest(until time.Time) bool {
	m.tap.holds(1)
	defer m.tap.holds(-1)
	m.from.seen(m.tag)
	var leaving <-chan struct{}
	if l, ok := m.from.(*laned); ok {
		leaving = l.share.leaving
	}
	if !m.tap.sleep(time.Until(until), leaving) {
		m.letGo()
		return false
	}
	if m.from.stale(m.tag) {
		m.Requeue()
		return false
	}
	return true
}

// handAgain hands a message out once more, with its history: as it came, if that was too early.
func (m *Message) handAgain(v verdict) {
	a := arrival{props: m.props, body: m.raw(), redelivered: m.Redelivered, from: m.from, tag: m.tag}
	if !v.early {
		p, err := m.withHistory(v, time.Time{})
		if err == nil {
			a.props, err = p.Append(nil)
		}
		if err != nil {
			m.Requeue()
			return
		}
		a.redelivered = true
	}
	if m.settled.CompareAndSwap(0, acked) {
		m.tap.again(m.mark, a)
	}
}

// sleep reports whether d went by before the tap was stopped or its share of the messages was to go to another.
func (t *tap) sleep(d time.Duration, leaving <-chan struct{}) bool {
	timer := time.NewTimer(max(1, d)) // not 0: in a bubble of synctest, timers that are due when they are set may crash the race detector (Go 1.26)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ending:
		return false
	case <-leaving:
		return false
	}
}

// again hands a message out once more that was handed out and is not settled.
func (t *tap) again(m mark, a arrival) {
	t.passRepeats(m, passedOn)
	t.hand([]arrival{a})
	t.ready()
	t.less(1)
}

package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/queue"
)

// answers are publishes whose consumers were not woken yet: those who wait for answers on one connection share a system call, at their
// side too, when the questions came together.
type answers struct {
	some  atomic.Bool // via is not nil, or is about to be
	mu    sync.Mutex
	via   *publisher // its burst has begun; nil: there are none
	count int
	to    *core.Address // of the last one
	last  queue.Time    // when that was
	late  int           // how many in a row took longer than that was worth
	room  []core.Message
	made  int // for how many there was room, the last time
	timer *time.Timer
	set   bool
}

// Answer publishes the answer to a question into the queue that wants it; nobody is told whether there is one. props are checked properties,
// and are not to be changed afterwards, as the body is not. With more another answer is about to follow: consumers are woken with
// the next that has none behind it, when there are enough of them, by [Conn.Flush], or a millisecond later; at once where answers take their time.
func (c *Conn) Answer(to []byte, props amqp.RawProperties, body []byte, more bool) error {
	if c.isClosed() {
		return ErrClosed
	}
	if err := fits(0, len(to), len(body)); err != nil {
		return err
	}
	a := &c.answers
	a.mu.Lock()
	if a.via == nil {
		a.via, a.count = c.publisher(), 0
	}
	if a.to == nil || a.to.Key != string(to) {
		a.to = &core.Address{Key: string(to)}
	}
	via := a.via
	m := a.message(more)
	m.Address, m.Props, m.Body = a.to, props, body
	_, err := via.Publish(&via.burst, m)
	a.learn(c.broker.core.Now())
	if a.count++; more && a.late < slow && a.count < answersMost {
		a.remind(c)
	} else {
		a.via = nil
	}
	a.some.Store(a.via != nil)
	over := a.via == nil
	a.mu.Unlock()
	if over {
		c.done(via)
	}
	return closedError(err)
}

// answersMost go out together, so that those who hear of them ask again while others are being answered: if all went together, this side and the
// other would rest in turn.
const answersMost = 32

const (
	quickly = 20_000 // up to how long after the one before an answer comes, in nanoseconds, so that it was worth the wait
	slow    = 2      // so many in a row that were not: they come one by one, and none waits for the next. A single one may have had no processor
)

// learn finds out whether who answers is slow, from two answers of which one followed the other. The caller holds mu.
func (a *answers) learn(now queue.Time) {
	switch {
	case now-a.last < quickly:
		a.late = 0
	case a.count > 0 && a.late < slow:
		a.late++
	}
	a.last = now
}

// message returns room for one. Those of answers that come together are made together. The caller holds mu.
func (a *answers) message(more bool) *core.Message {
	if len(a.room) == 0 {
		a.made = min(max(1, 2*a.made), roomMost)
		a.room = make([]core.Message, a.made)
	}
	m := &a.room[0]
	if a.room = a.room[1:]; !more {
		a.room, a.made = nil, 0
	}
	return m
}

// roomMost are made together. Who keeps one, a queue for example, keeps them all, but not their bodies when they are settled.
const roomMost = 16

// Flush has the answers go out that wait for others. It costs little when there are none.
func (c *Conn) Flush() {
	a := &c.answers
	if !a.some.Load() {
		return
	}
	a.mu.Lock()
	via := a.via
	a.via = nil
	a.some.Store(false)
	a.mu.Unlock()
	if via != nil {
		c.done(via)
	}
}

// remind has it done in time. The caller holds mu.
func (a *answers) remind(c *Conn) {
	switch {
	case a.set:
		return
	case a.timer == nil:
		a.timer = time.AfterFunc(soonAfter, func() {
			a.mu.Lock()
			a.set = false
			a.mu.Unlock()
			c.Flush()
		})
	default:
		a.timer.Reset(soonAfter)
	}
	a.set = true
}

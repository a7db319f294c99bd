package sim

import (
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// How the broker is stopped before the last look at what it has.
const (
	notAtAll = iota
	inGoodOrder
	byPowerFailure
	byKill
)

// finish is the end of a run: all comes to rest, the broker may be started
// again, every queue is emptied, and the books are balanced.
func (w *World) finish() {
	w.ending = true
	w.crashIn, w.faultIn = 0, 0
	w.spaceReturns()
	w.unstall()
	w.quiesce()
	if w.program.Setup.Delayed {
		w.now = w.now.Add(maxDelay)
		w.quiesce()
	}
	w.aftermath()
	if w.violation == nil {
		w.checkRest()
	}
	w.stop()
	if w.program.Setup.Late && w.violation == nil {
		w.now = w.now.Add(maxLife)
		w.quiesce()
	}
	if w.violation == nil {
		w.drain()
	}
	if w.violation == nil {
		w.balance()
	}
	if w.violation == nil {
		w.checkNothingIsLeft()
	}
}

func (w *World) stop() {
	if w.violation != nil {
		return
	}
	switch w.program.Setup.Last {
	case notAtAll:
		for _, p := range w.peers {
			p.wire.breakOff(false)
			w.lost(p)
		}
		w.quiesce()
	case inGoodOrder:
		w.restart()
	case byPowerFailure:
		w.crash()
	case byKill:
		w.kill()
	}
}

// checkRest checks what must be when nothing is left to do.
func (w *World) checkRest() {
	for _, c := range w.clients {
		if c.peer == nil || !c.open {
			continue
		}
		if n := len(c.unconfirmed); n > 0 {
			w.violate("confirm", "client %d waits in vain for %d confirms, the first of %s", c.id, n, c.unconfirmed[0].msg)
		}
		if len(c.waiting) > 0 {
			w.violate("answer", "client %d waits in vain for %d answers", c.id, len(c.waiting))
		}
	}
	asker := w.newClient()
	for _, q := range w.queues {
		if w.violation != nil || q.comesAndGoes() {
			continue
		}
		n := asker.countOf(q)
		if n > 0 && w.wanted(q) {
			w.violate("stuck", "queue %s has %d messages ready and a consumer that waits", q.Name, n)
		}
		if limit, always := q.dropsHead(); always && n > limit {
			w.violate("limit", "queue %s has %d messages ready, and a limit of %d", q.Name, n, limit)
		}
	}
}

// wanted says whether a consumer waits for messages of q.
func (w *World) wanted(q *queueState) bool {
	all, some := true, false
	for _, c := range w.clients {
		for _, x := range c.consumers {
			if x.queue != q || !c.open || x.leaving || !x.started {
				continue
			}
			waits := x.noAck || (x.prefetch == 0 || x.unacked < int(x.prefetch)) && (c.limit == 0 || c.held() < int(c.limit))
			all, some = all && waits, some || waits
		}
	}
	return some && (all || !q.Single)
}

// newClient is one who looks at the end. Others must be able to go on.
func (w *World) newClient() *client {
	c := &client{world: w, id: len(w.clients)}
	c.connect()
	w.quiesce()
	if !c.open && w.violation == nil && !w.dead {
		w.violate("connect", "the broker lets nobody in")
	}
	return c
}

func (c *client) countOf(q *queueState) int {
	if c.peer == nil || !c.open {
		return 0
	}
	m := q.declare()
	c.ask(m, func(m amqp.Method) bool {
		ok, is := m.(*amqp.QueueDeclareOk)
		if is {
			c.count = int(ok.MessageCount)
		}
		return is || m == nil
	})
	c.count = 0
	c.world.quiesce()
	return c.count
}

// drain empties all queues and checks what is in them.
func (w *World) drain() {
	c := w.newClient()
	for _, q := range w.queues {
		if w.violation != nil || c.peer == nil {
			return
		}
		w.drainQueue(c, q)
	}
}

func (w *World) drainQueue(c *client, q *queueState) {
	n := c.countOf(q)
	last := map[[2]int]int{}
	for i := 0; w.violation == nil; i++ {
		c.last = nil
		c.get(q, false)
		w.quiesce()
		if c.last == nil {
			if i > n || i < n-w.expired(q) {
				w.violate("count", "queue %s said that it has %d messages, and had %d", q.Name, n, i)
			}
			return
		}
		k := c.last
		k.drained = true
		if k.queue == q && k == &k.msg.copies[q.index] && w.overdue(k.msg, q) {
			w.violate("late", "%s comes from %s when its time is over", k.msg, q.Name)
		}
		if k.inOrder() {
			who := [2]int{k.msg.conn, q.rank(k.msg)}
			if before, ok := last[who]; ok && before >= k.msg.id {
				w.violate("order", "queue %s has message %d behind %d of the same publisher", q.Name, k.msg.id, before)
			}
			last[who] = k.msg.id
		}
		c.settle(2, func(tag uint64, multiple bool) amqp.Method {
			return &amqp.BasicAck{DeliveryTag: tag, Multiple: multiple}
		}, acked)
	}
}

// expired is how many messages may lie expired behind others: they count, and never come.
func (w *World) expired(q *queueState) (n int) {
	for _, m := range w.ledger.messages {
		if life := m.life(q); m.mayBeIn(q) && life > 0 && w.age(m) >= life-time.Millisecond {
			n++
		}
	}
	return n
}

// balance checks that nothing is missing of what was confirmed.
func (w *World) balance() {
	for _, m := range w.ledger.messages {
		if m.shared && !w.isSomewhere(m) {
			w.violate("lost", "%s was confirmed and is in none of the queues", m)
		}
		for i := range m.copies {
			if k := &m.copies[i]; k.must && !w.accounted(k) {
				w.violate("lost", "%s was confirmed and is not in %s (seen %d times, acked %t, rejected %t)", m, k.queue.Name, k.seen, k.acked, k.rejected)
			}
		}
	}
}

// isSomewhere says whether it is known what became of a message that was to go to one of many queues.
func (w *World) isSomewhere(m *message) bool {
	if home := w.homes[m.key]; home != nil {
		return w.accounted(&m.copies[home.index])
	}
	return slices.ContainsFunc(m.routes, func(q *queueState) bool { return w.accounted(&m.copies[q.index]) })
}

// accounted says whether it is known where a confirmed message has gone, or
// why it need not be there.
func (w *World) accounted(k *copyState) bool {
	m, q := k.msg, k.queue
	letter := &m.deaths[q.index]
	switch {
	case k.acked || k.drained || letter.seen > 0 || letter.acked:
		return true
	case (!m.persistent || !q.Durable) && m.epoch != w.epoch:
		return true
	case q.excuses(m):
		return true
	}
	life := m.life(q)
	died := k.rejected || life > 0 && w.age(m) >= life-time.Millisecond || q.mayDrop(m)
	refused := m.delay > 0 && q.mayRefuse(m) // when its time had come, and there was no one to be told
	return refused || died && (!q.buries(m) || w.burial().excuses(m))
}

// excuses says whether something cleared the queue after the message was sent.
func (q *queueState) excuses(m *message) bool { return q.vague || q.clearing > 0 || m.move < q.cleared }

// checkNothingIsLeft starts the broker once more: what was settled is gone, and
// the journal needs nothing but the names.
func (w *World) checkNothingIsLeft() {
	w.quiesce()
	w.restart()
	if w.violation != nil {
		return
	}
	c := w.newClient()
	for _, q := range w.queues {
		if n := c.countOf(q); n != 0 && w.violation == nil {
			w.violate("settled", "queue %s had been emptied, and has %d messages after a restart", q.Name, n)
		}
	}
	policies, known := w.policies()
	if n := w.manual.Stats().LiveRecords; n != w.names+policies && known && !w.program.Setup.Volatile && w.violation == nil {
		w.violate("leak", "the journal holds on to %d records, and there are %d names and %d policies", n, w.names, policies)
	}
}

package server

import (
	"slices"

	"github.com/postrider-mq/postrider/internal/core"
)

// credit is what basic.qos with global=true gives to all consumers of a channel
// together, whatever queues they consume from. A queue knows nothing of it: the
// channel refuses what is beyond, and calls for more when it may have more.
//
// It is guarded by conn.out.mu.
type credit struct {
	limit   int // 0 = none
	held    int // deliveries to consumers that wait for their settlement
	starved []*core.Consumer

	// What the broker bears of unsettled deliveries, whoever consumes: see exhausted.
	most      unsettled
	unsettled unsettled
}

// unsettled is how much was delivered or got and waits for its settlement.
type unsettled struct {
	messages int
	bytes    int64 // of bodies
}

func (u *unsettled) add(size uint32) {
	u.messages++
	u.bytes += int64(size)
}

func (u *unsettled) strike(size uint32) {
	u.messages--
	u.bytes -= int64(size)
}

// exhausted says whether the channel holds as much as the broker bears. What is
// beyond stays in its queue. Basic.get is answered all the same, and counts:
// who gets one at a time has asked for each.
func (c *credit) exhausted() bool {
	return c.unsettled.messages >= c.most.messages || c.unsettled.bytes >= c.most.bytes
}

func (c *credit) spent() bool { return c.limit > 0 && c.held >= c.limit || c.exhausted() }

// take says whether one more may be delivered, and counts it.
func (c *credit) take(consumer *core.Consumer, size uint32) bool {
	if c.spent() {
		c.starved = append(c.starved, consumer)
		return false
	}
	c.held++
	c.unsettled.add(size)
	return true
}

// relieved returns who was refused, once there is room again.
func (c *credit) relieved() []*core.Consumer {
	if len(c.starved) == 0 || c.spent() {
		return nil
	}
	list := c.starved
	c.starved = nil
	return list
}

// forget drops a consumer that gets nothing more: whoever comes and goes while there is no credit would never be forgotten.
func (c *credit) forget(consumer *core.Consumer) {
	c.starved = slices.DeleteFunc(c.starved, func(other *core.Consumer) bool { return other == consumer })
}

// limit sets the credit; 0 takes the limit away.
func (ch *channel) limit(n int) { ch.resume(ch.setLimit(n)) }

func (ch *channel) setLimit(n int) []*core.Consumer {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	ch.credit.limit = n
	return ch.credit.relieved()
}

// resume lets consumers go on, as far as there is credit.
func (ch *channel) resume(starved []*core.Consumer) { ch.resumeIn(&ch.conn.burst, starved) }

// resumeIn is resume in a burst of somebody else's. Who has had something waits behind those whose turn has not come: else one whose queue is never
// empty would keep all others from theirs.
func (ch *channel) resumeIn(b *core.Burst, starved []*core.Consumer) { inTurn(b, starved, ch.waitOn) }

// inTurn resumes consumers until waitOn, which is given those that are left, has them wait on.
func inTurn(b *core.Burst, list []*core.Consumer, waitOn func([]*core.Consumer) bool) {
	for i, consumer := range list {
		if waitOn(list[i:]) {
			return
		}
		consumer.Resume(b)
	}
}

// waitOn puts consumers before those that wait, if there is no credit for them any more. One that is gone meanwhile only takes its turn.
func (ch *channel) waitOn(starved []*core.Consumer) bool {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	if !ch.credit.spent() {
		return false
	}
	ch.credit.starved = slices.Concat(starved, ch.credit.starved)
	return true
}

package server

import "github.com/postrider-mq/postrider/internal/core"

// credit is what basic.qos with global=true gives to all consumers of a channel
// together, whatever queues they consume from. A queue knows nothing of it: the
// channel refuses what is beyond, and calls for more when it may have more.
//
// It is guarded by conn.out.mu.
type credit struct {
	limit   int // 0 = none
	held    int // deliveries to consumers that wait for their settlement
	starved []*core.Consumer
}

// take says whether one more may be delivered, and counts it.
func (c *credit) take(consumer *core.Consumer) bool {
	if c.limit > 0 && c.held >= c.limit {
		c.starved = append(c.starved, consumer)
		return false
	}
	c.held++
	return true
}

// relieved returns who was refused, once there is room again.
func (c *credit) relieved() []*core.Consumer {
	if len(c.starved) == 0 || c.limit > 0 && c.held >= c.limit {
		return nil
	}
	list := c.starved
	c.starved = nil
	return list
}

// limit sets the credit; 0 takes the limit away.
func (ch *channel) limit(n int) { ch.resume(ch.setLimit(n)) }

func (ch *channel) setLimit(n int) []*core.Consumer {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	ch.credit.limit = n
	return ch.credit.relieved()
}

// resume lets consumers go on. The first gets what there is; the others find out
// and wait again, in the same order.
func (ch *channel) resume(starved []*core.Consumer) {
	for _, consumer := range starved {
		consumer.Resume(&ch.conn.burst)
	}
}

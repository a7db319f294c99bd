package server

import (
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/queue"
)

// A channel that leaves a delivery unsettled for too long is closed, for what
// it holds may be wanted by others, and keeps journal and queue from getting
// rid of it.
//
// No delivery has a timer or a time of its own. At each tick a channel notes
// the last tag it gave out: what is outstanding up to a note is at least as old as
// the note. So nothing is closed too early, and nothing later than a tick or,
// once the notes are thinned out, a thirtieth of its age.

const (
	defaultConsumerTimeout = 30 * time.Minute
	longestTick            = time.Minute
	shortestTick           = 10 * time.Millisecond
	maxNotes               = 64
)

// tick is how often deliveries are looked at, where they may wait so long.
func tick(timeout time.Duration) time.Duration {
	if timeout < 0 {
		return longestTick // queues may have a timeout of their own
	}
	return min(max(timeout/30, shortestTick), longestTick)
}

// note says that no tag up to this one was given out after that time.
type note struct {
	tag uint64
	at  queue.Time
}

// ages are the notes of one channel, oldest first; conn.out.mu guards them.
type ages []note

// keep drops what is of no use when oldest is the first tag that is outstanding,
// and notes that last was the last tag at this time.
func (a *ages) keep(oldest, last uint64, now queue.Time) {
	list := *a
	useless := 0
	for useless < len(list) && list[useless].tag < oldest {
		useless++
	}
	list = append(list[:0], list[useless:]...)
	if n := len(list); n == 0 || list[n-1].tag < last {
		list = append(thinned(list), note{last, now})
	}
	*a = list
}

// thinned makes room: of each two notes the later one says what both do, if
// less precisely.
func thinned(list ages) ages {
	if len(list) < maxNotes {
		return list
	}
	for i := range len(list) / 2 {
		list[i] = list[2*i+1]
	}
	return list[:len(list)/2]
}

// overdue says whether the channel's oldest delivery waits for longer than it
// may, and how long that is.
func (ch *channel) overdue(now queue.Time) (timeout time.Duration, late bool) {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	for tag, o := range ch.outstanding.All() {
		ch.ages.keep(tag, ch.outstanding.Last(), now)
		timeout = ch.conn.server.cfg.ConsumerTimeout
		if own := o.queue.ConsumerTimeout(); own > 0 {
			timeout = own
		}
		return timeout, timeout > 0 && now-ch.ages[0].at >= queue.Time(timeout)
	}
	ch.ages = nil
	return 0, false
}

// watchAges looks at all channels again and again until the server closes.
func (s *Server) watchAges() {
	ticker := time.NewTicker(tick(s.cfg.ConsumerTimeout))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
		for _, c := range s.all() {
			if c.hasOverdue() {
				c.endOverdue()
			}
		}
	}
}

// hasOverdue notes what the connection's channels have out, and says whether
// one of them has waited for too long. Anybody may call it.
func (c *conn) hasOverdue() (found bool) {
	now := c.core.Now()
	for _, ch := range c.openChannels() {
		if _, late := ch.overdue(now); late {
			found = true
		}
	}
	return found
}

// closeOverdue closes the channels that have still not settled what they should have.
func (c *conn) closeOverdue() {
	now := c.core.Now()
	for _, ch := range c.openChannels() {
		timeout, late := ch.overdue(now)
		if !late {
			continue
		}
		_ = c.failed(ch.number, amqp.Errorf(amqp.PreconditionFailed, // the connection goes on
			"delivery acknowledgement on channel %d timed out. Timeout value used: %d ms. "+
				"This timeout value can be configured, see consumers doc guide to learn more", ch.number, timeout.Milliseconds()))
	}
}

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
		return longestTick // queues and consumers may have a timeout of their own
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

// since returns the time at which a tag that is outstanding was given out at the latest, and
// the notes that later tags need. What keep was told of has a note.
func (a ages) since(tag uint64) (queue.Time, ages) {
	for a[0].tag < tag {
		a = a[1:]
	}
	return a[0].at, a
}

// overdue says whether one of the channel's deliveries waits for longer than it
// may, and how long that is. Of several it is the one that was made first.
func (ch *channel) overdue(now queue.Time) (timeout time.Duration, late bool) {
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	if ch.outstanding.Len() == 0 {
		ch.ages = nil
		return 0, false
	}
	var rest ages
	for tag, o := range ch.outstanding.All() {
		if rest == nil {
			ch.ages.keep(tag, ch.outstanding.Last(), now)
			rest = ch.ages
		}
		var since queue.Time
		since, rest = rest.since(tag)
		if timeout = ch.conn.server.patience(&o); timeout > 0 && now-since >= queue.Time(timeout) {
			return timeout, true
		}
	}
	return 0, false
}

// heldFor is for how long at least the channel has had its oldest delivery; conn.out.mu is held.
func (ch *channel) heldFor(now queue.Time) time.Duration {
	for tag := range ch.outstanding.All() {
		for _, n := range ch.ages {
			if n.tag >= tag {
				return time.Duration(now - n.at)
			}
		}
		break
	}
	return 0
}

// patience is how long a delivery may wait: its consumer has the say, then its
// queue with its policies, then the broker. Not above 0: for ever.
func (s *Server) patience(o *outstanding) time.Duration {
	if o.patience > 0 {
		return o.patience
	}
	if own := o.queue.ConsumerTimeout(); own > 0 {
		return own
	}
	return s.cfg.ConsumerTimeout
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

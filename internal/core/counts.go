package core

import (
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/queue"
)

// Count names a thing that is counted.
type Count uint8

// What is counted of each queue, and of all together.
const (
	Enqueued       Count = iota // messages that came into a queue, dead letters and delayed ones too
	Delivered                   // to consumers who acknowledge
	DeliveredNoAck              // to those who do not
	Got                         // by basic.get, to be acknowledged
	GotNoAck                    // likewise, not to be
	GotNothing                  // times that a basic.get found the queue empty
	Redelivered                 // of all that were given out, those that were not for the first time
	Acknowledged

	perQueue
)

// What is counted of the broker only.
const (
	Received         Count = iota + perQueue // from publishers
	Confirmed                                // to publishers
	Unroutable                               // dropped, for no queue took it
	UnroutableBack                           // returned to its publisher likewise
	ConnectionsBegun                         // logins
	ConnectionsEnded                         // of those

	counts
)

// QueueCounts are the counts of one queue since the broker started.
type QueueCounts [perQueue]uint64

// Counts are those of the whole broker.
type Counts [counts]uint64

// Given is what consumers and basic.get were given.
func (c *QueueCounts) Given() uint64 {
	return c[Delivered] + c[DeliveredNoAck] + c[Got] + c[GotNoAck]
}

// count counts for the queue, and for the broker when the burst ends. The caller holds q.mu.
func (q *Queue) count(b *Burst, what Count) {
	q.counts[what]++
	b.count(q.vhost.core, what)
}

// countGiven counts one of the four ways to be given a message. The caller holds q.mu.
func (q *Queue) countGiven(b *Burst, how Count, noAck, again bool) {
	if noAck {
		how++
	}
	q.count(b, how)
	if again {
		q.count(b, Redelivered)
	}
}

func (b *Burst) count(c *Core, what Count) {
	b.core, b.counted = c, true
	b.counts[what]++
}

// received counts what came from a publisher, and that no queue took it if that is so.
func (b *Burst) received(c *Core, out Outcome) Outcome {
	b.count(c, Received)
	if !out.Routed {
		b.count(c, Unroutable)
	}
	return out
}

// Returned says that the publish before, which no queue took, goes back to its publisher.
func (b *Burst) Returned() {
	b.counts[Unroutable]--
	b.counts[UnroutableBack]++
}

// countAll adds what the burst has counted to the broker's counts.
func (b *Burst) countAll() {
	if !b.counted {
		return
	}
	for what, n := range b.counts {
		if n != 0 {
			b.core.counts[what].Add(n)
		}
	}
	b.counts, b.counted = Counts{}, false
}

// Count counts what happens outside of bursts.
func (c *Core) Count(what Count, n int) { c.counts[what].Add(uint64(n)) }

// Counts returns the broker's counts since it started.
func (c *Core) Counts() (all Counts) {
	for i := range all {
		all[i] = c.counts[i].Load()
	}
	return all
}

// totals are the broker's counts as they are kept.
type totals [counts]atomic.Uint64

// minSpan is the shortest time that a rate is measured over.
const minSpan = queue.Time(5_000_000_000)

// A meter tells how fast figures change: by two earlier ones, which it takes when it is asked, so that it costs nothing
// where nobody asks. What it tells is the mean since it was asked last, or over the last five to ten seconds if that is longer ago.
type meter[F any] struct{ older, newer sample[F] }

type sample[F any] struct {
	at      queue.Time
	taken   bool
	figures F
}

// since returns the earlier figures to compare with, and how many seconds ago that was; 0 = none yet.
func (m *meter[F]) since(now queue.Time, figures F) (before F, seconds float64) {
	switch {
	case !m.newer.taken:
		m.newer = sample[F]{now, true, figures}
	case now-m.newer.at >= minSpan:
		m.older, m.newer = m.newer, sample[F]{now, true, figures}
	}
	if !m.older.taken {
		return before, 0
	}
	return m.older.figures, float64(now-m.older.at) / 1e9
}

// Rates are by how much each count grows a second.
type Rates [counts]float64

// rated is the meter of a broker's counts.
type rated struct {
	mu    sync.Mutex
	meter meter[Counts]
}

// Rates returns how fast the broker's counts grow: the mean since it was asked last, but over five seconds at least. The first time they are 0.
func (c *Core) Rates() (counts Counts, rates Rates) {
	c.rated.mu.Lock()
	defer c.rated.mu.Unlock()
	counts = c.Counts()
	before, seconds := c.rated.meter.since(c.Now(), counts)
	if seconds > 0 {
		for i := range counts {
			rates[i] = float64(counts[i]-before[i]) / seconds
		}
	}
	return counts, rates
}

// QueueRates are by how much the figures of a queue change a second.
type QueueRates struct {
	Counts         [perQueue]float64
	Ready, Unacked float64
}

// queueFigures are what a queue's meter compares.
type queueFigures struct {
	counts         QueueCounts
	ready, unacked int
}

// rates asks the queue's meter. The caller holds q.mu.
func (q *Queue) rates(now queue.Time) (r QueueRates) {
	if q.meter == nil {
		q.meter = new(meter[queueFigures])
	}
	figures := queueFigures{q.counts, q.core.Len(), q.core.Unacked()}
	before, seconds := q.meter.since(now, figures)
	if seconds == 0 {
		return r
	}
	for i, n := range figures.counts {
		r.Counts[i] = float64(n-before.counts[i]) / seconds
	}
	r.Ready = float64(figures.ready-before.ready) / seconds
	r.Unacked = float64(figures.unacked-before.unacked) / seconds
	return r
}

package core

import "errors"

// A limit or an expiry may drop millions of messages at once, and as many delayed
// ones may be due together. A burst drops
// about dropsABurst of them, buries them, and leaves the rest to the timer, which
// does as much in each of its own, one after the other: nobody holds a lock for
// long, and no list of dead letters grows beyond that.
//
// Meanwhile the queue serves: what is over a limit may still be delivered, as if
// the limit had come a little later; what has expired may not. The next slice
// begins only when this one's dead letters are published, so they keep their
// order. A crash between two slices is as one before the limit: recovery goes on.

// dropsABurst is how many messages a burst drops before it leaves the rest; an
// event that comes then still drops what it drops at once.
const dropsABurst = 1024

// errBehind means that a queue has to drop more before it can answer.
var errBehind = errors.New("the queue has to drop more first")

func (b *Burst) droppedEnough() bool { return b.dropped >= dropsABurst }

// leaveRest has the timer go on when the burst has buried what it dropped. The
// caller holds q.mu.
func (q *Queue) leaveRest(b *Burst) {
	if q.behind || q.gone {
		return
	}
	q.behind = true
	b.behind = append(b.behind, q)
}

// goOn hands the queues that have more to drop to the timer. No lock may be held.
func (b *Burst) goOn() {
	b.dropped = 0
	for i, q := range b.behind {
		b.behind[i] = nil
		q.goOn(b)
	}
	b.behind = b.behind[:0]
}

func (q *Queue) goOn(b *Burst) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return
	}
	q.scheduled, q.due = true, b.now
	q.vhost.core.timer.at(b.now, q)
}

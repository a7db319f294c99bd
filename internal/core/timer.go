package core

import (
	"container/heap"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/queue"
)

// timer runs Advance of each queue at its deadline. A queue is in it at most
// once; a deadline that has moved away meanwhile is found out when it fires.
type timer struct {
	core *Core

	mu      sync.Mutex
	due     deadlines
	clock   *time.Timer
	stopped bool
}

func newTimer(c *Core) *timer {
	t := &timer{core: c}
	t.clock = time.AfterFunc(time.Hour, t.fire)
	t.clock.Stop()
	return t
}

func (t *timer) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.clock.Stop()
}

// at asks for a call of q.advance at the time given.
func (t *timer) at(when queue.Time, q *Queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	heap.Push(&t.due, deadline{when, q})
	t.arm()
}

// arm sets the clock to the nearest deadline. The caller holds mu.
func (t *timer) arm() {
	if t.stopped || len(t.due) == 0 {
		return
	}
	t.clock.Reset(max(0, time.Duration(t.due[0].when-t.core.Now())))
}

func (t *timer) fire() {
	var b Burst
	b.Begin(t.core.Now())
	for {
		q, ok := t.pop(b.now)
		if !ok {
			break
		}
		q.advance(&b)
	}
	b.End()
}

// pop takes a queue whose time has come, or sets the clock for the next.
func (t *timer) pop(now queue.Time) (*Queue, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || len(t.due) == 0 || t.due[0].when > now {
		t.arm()
		return nil, false
	}
	return heap.Pop(&t.due).(deadline).queue, true
}

// schedule enters the queue's deadline, if it has one and is not in already.
// The caller holds mu or is the only one that knows the queue.
func (q *Queue) schedule() {
	when, ok := q.core.Deadline()
	if !ok || q.scheduled || q.gone {
		return
	}
	q.scheduled = true
	q.vhost.core.timer.at(when, q)
}

func (q *Queue) advance(b *Burst) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.scheduled = false
	if q.gone {
		return
	}
	q.perform(b, q.core.Advance(b.now))
	q.schedule()
}

type deadline struct {
	when  queue.Time
	queue *Queue
}

// deadlines is a heap, the nearest first.
type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].when < d[j].when }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)        { *d = append(*d, x.(deadline)) }
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = deadline{}
	*d = (*d)[:last]
	return x
}

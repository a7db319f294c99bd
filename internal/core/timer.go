package core

import (
	"container/heap"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/queue"
)

// timer runs Advance of each queue at its deadline. A queue is in it at most
// once; a deadline that has moved away meanwhile is found out when it fires.
//
// It does not run before start: what expires in a recovered queue may be
// dead-lettered, and that must find all exchanges and bindings.
type timer struct {
	core  *Core
	calls sync.Mutex // held during a round of calls; before all other locks

	mu      sync.Mutex
	due     deadlines
	clock   *time.Timer
	running bool
	firing  bool // somebody looks at what is due, and sets the clock when nothing is left
}

func newTimer(c *Core) *timer {
	t := &timer{core: c}
	t.clock = time.AfterFunc(time.Hour, t.fire)
	t.clock.Stop()
	return t
}

func (t *timer) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = true
	t.arm()
}

// stop returns when no call is under way any more.
func (t *timer) stop() {
	t.mu.Lock()
	t.running = false
	t.clock.Stop()
	t.mu.Unlock()
	t.calls.Lock()
	defer t.calls.Unlock()
}

// at asks for a call of q.advance at the time given, or before.
func (t *timer) at(when queue.Time, q *Queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := &q.deadline
	switch {
	case d.index == 0:
		d.when, d.queue = when, q
		heap.Push(&t.due, d)
	case when < d.when:
		d.when = when
		heap.Fix(&t.due, d.index-1)
	default:
		return
	}
	if d.index == 1 {
		t.arm()
	}
}

// forget takes a queue out that is deleted.
func (t *timer) forget(q *Queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := q.deadline.index; i > 0 {
		heap.Remove(&t.due, i-1)
	}
}

// arm sets the clock to the nearest deadline. The caller holds mu.
func (t *timer) arm() {
	if !t.running || t.firing || len(t.due) == 0 || t.core.manual != nil {
		return
	}
	t.clock.Reset(max(1, time.Duration(t.due[0].when-t.core.Now()))) // not 0: in a bubble of synctest, timers that are due when they are set may crash the race detector (Go 1.26)
}

func (t *timer) fire() {
	if !t.enter() {
		return
	}
	t.calls.Lock()
	defer t.calls.Unlock()
	var b Burst
	b.Begin(t.core.Now())
	for {
		q, ok := t.pop(b.now)
		if !ok {
			break
		}
		if !q.postpone(&b) {
			q.advance(&b)
		}
		if b.droppedEnough() {
			b.End()
			b.Begin(t.core.Now())
		}
	}
	b.End()
}

// enter says whether the caller is alone in looking at what is due.
func (t *timer) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	alone := !t.firing
	t.firing = true
	return alone
}

// pop takes a queue whose time has come, or sets the clock for the next.
func (t *timer) pop(now queue.Time) (*Queue, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.running || len(t.due) == 0 || t.due[0].when > now {
		t.firing = false
		t.arm()
		return nil, false
	}
	return heap.Pop(&t.due).(*deadline).queue, true
}

// schedule enters the queue's deadline, if it has one that is nearer than what
// the timer knows. The caller holds mu or is the only one that knows the queue.
func (q *Queue) schedule() {
	when, ok := q.core.Deadline()
	if !ok || q.gone || q.behind || q.scheduled && q.due <= when {
		return
	}
	q.scheduled, q.due = true, when
	q.vhost.core.timer.at(when, q)
}

// postponed is how long dead letters wait before the disk is looked at again that is behind.
const postponed = queue.Time(50_000_000)

// postpone leaves a queue whose dead letters the disk would have to take to later, while that is behind, and says whether it does. The timer itself waits for
// no disk: what other queues have due needs none, and may be what makes room on a full one.
func (q *Queue) postpone(b *Burst) bool {
	c := q.vhost.core
	if c.manual != nil || c.Behind() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || q.dying == nil {
		return false
	}
	q.scheduled, q.due = true, b.now+postponed
	c.timer.at(q.due, q)
	return true
}

func (q *Queue) advance(b *Burst) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.scheduled, q.behind = false, false
	if q.gone {
		return
	}
	q.perform(b, q.core.Advance(b.now))
	q.schedule()
}

// deadline is a queue's place in the timer, which guards it.
type deadline struct {
	when  queue.Time
	queue *Queue
	index int // in the heap, counted from 1; 0 = not in it
}

// deadlines is a heap, the nearest first.
type deadlines []*deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].when < d[j].when }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i+1, j+1
}

func (d *deadlines) Push(x any) {
	*d = append(*d, x.(*deadline))
	x.(*deadline).index = len(*d)
}

func (d *deadlines) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	x.index = 0
	return x
}

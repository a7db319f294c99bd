package core

import (
	"time"

	"github.com/postrider-mq/postrider/internal/queue"
)

// flow has publishers keep step with consumers who are quick: as long as much is ready, who has published waits, in a line with others, until it is not, and until there is
// room for what those are about to publish who went on before. Else many more come than are taken in each turn that a consumer gets, and the length of the queue is what takes the broker's time.
//
// Where consumers are not quick nobody waits: a queue is there to take what comes. What they are shows in slices of time. Publishers wait once, for as long as it takes to find out that
// they are slow.
//
//	even ──much is ready──► crowded ──slices, none of them quick──► slow
//	 ▲                       │   ▲                                  │  │
//	 ├────little is ready────┘   └─────────────a quick slice────────┘  │
//	 └─────────────────────────────────────────little is ready─────────┘
type flow struct {
	taken   uint64  // messages that consumers were given
	line    []*turn // in order
	granted int     // messages that those are expected to publish who went on
	watched bool    // somebody looks at the line after each slice

	crowded bool
	among   int        // queues that get what comes, of the fewest that did: each is taken from so much more slowly
	since   queue.Time // when the slice began
	from    uint64     // what was taken then
	length  int        // of the line then
	lull    int        // slices in a row that were not quick, and in which the line did not grow
}

// A turn is that of one who waits.
type turn struct {
	n    int           // messages published before, and as many will be next
	end  queue.Time    // goes on at last
	come chan struct{} // closed when it goes on
}

const (
	crowdedFrom = 8 << 10 // messages ready: much, in all queues that get them, if that is some bursts in each
	someBursts  = 1 << 10
	flowSlice   = 20 * time.Millisecond
	quickSlice  = 2000 // messages taken in a slice, from all of them: twice what RabbitMQ gives consumers
	mostLull    = 3
	longestTurn = time.Second
)

// much is how many messages are ready where a publisher, whose messages go to so many queues, is to wait. Half of it is little again.
func much(among int) int { return max(crowdedFrom/among, someBursts) }

// ease takes note of a message that was published, with which so many are ready; it says whether that is much, or others wait.
func (f *flow) ease(now queue.Time, ready, among int) bool {
	f.granted = max(f.granted-1, 0)
	switch {
	case ready > much(among) && !f.crowded:
		*f = flow{taken: f.taken, line: f.line, granted: f.granted, watched: f.watched, crowded: true, among: among, since: now, from: f.taken}
	case f.crowded && ready < much(f.among)/2:
		f.crowded = false
	}
	if ready <= much(among) && len(f.line) == 0 {
		return false
	}
	f.among = min(f.among, among)
	return true
}

// slow looks how quick consumers are, and says whether nobody is to wait for them.
func (f *flow) slow(now queue.Time) bool {
	if slices := int(time.Duration(now-f.since) / flowSlice); slices > 0 {
		switch {
		case f.taken-f.from >= uint64(slices*quickSlice/f.among):
			f.lull = 0
		case len(f.line) <= f.length: // else those who come take the broker's time
			f.lull += slices
		}
		f.since, f.from, f.length = now, f.taken, len(f.line)
	}
	return f.lull >= mostLull
}

// join puts somebody who has published n into the line.
func (f *flow) join(now queue.Time, n int) *turn {
	t := &turn{n, now + queue.Time(longestTurn), make(chan struct{})}
	f.line = append(f.line, t)
	return t
}

// took counts a message that a consumer was given, of which so many are ready still.
func (f *flow) took(ready int) {
	f.taken++
	if len(f.line) > 0 {
		f.advance(ready)
	}
}

// advance lets as many go on as there is room for. Where nothing is ready, who went on before does not publish what he was let go on for.
func (f *flow) advance(ready int) {
	if ready == 0 {
		f.granted = 0
	}
	for most := much(f.among); len(f.line) > 0 && ready+f.granted < most; {
		f.granted += f.line[0].n
		f.first()
	}
}

// first lets the first in line go on.
func (f *flow) first() {
	close(f.line[0].come)
	f.line[0] = nil
	f.line = f.line[1:]
}

// watch lets those go on who wait for nothing, or have waited for long. It says whether anybody is left.
func (f *flow) watch(now queue.Time, ready int) bool {
	if f.slow(now) {
		f.release()
	}
	f.granted = 0
	f.advance(ready)
	for len(f.line) > 0 && f.line[0].end <= now {
		f.first()
	}
	return len(f.line) > 0
}

// release lets everybody go on.
func (f *flow) release() {
	for _, t := range f.line {
		close(t.come)
	}
	f.line = nil
}

// crowd notes that the burst has published into a queue, among so many, in which much is ready. The first of those with quick consumers is the one to wait for.
// The caller holds q.mu.
func (q *Queue) crowd(b *Burst, among int) {
	if !q.flow.ease(b.now, q.core.Len(), among) || len(q.consumers) == 0 || b.crowded != q && (b.crowded != nil || q.flow.slow(b.now)) {
		return
	}
	b.crowded = q
	b.crowding++
}

// Crowded returns the queue that the owner is to keep step with, if nobody waits for him, and how many messages he has put there; nil if there is none.
func (b *Burst) Crowded() (*Queue, int) {
	q, n := b.crowded, b.crowding
	b.crowded, b.crowding = nil, 0
	return q, n
}

// KeepStep waits until it is the turn of one who has published n messages and may publish as many, or until that is not worth waiting for, or stop is closed.
func (q *Queue) KeepStep(n int, stop <-chan struct{}) {
	turn := q.queueUp(q.vhost.core.Now(), n)
	if turn == nil {
		return
	}
	select {
	case <-turn.come:
	case <-stop:
	}
}

// queueUp returns nil for who need not wait.
func (q *Queue) queueUp(now queue.Time, n int) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || q.resting || !q.flow.crowded || q.flow.slow(now) {
		return nil
	}
	q.watch()
	turn := q.flow.join(now, n)
	q.flow.advance(q.core.Len())
	return turn
}

// watch has somebody look at the line, one for all who wait. The caller holds q.mu.
func (q *Queue) watch() {
	if !q.flow.watched {
		q.flow.watched = true
		time.AfterFunc(flowSlice, q.look)
	}
}

func (q *Queue) look() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flow.watched = false
	if q.flow.watch(q.vhost.core.Now(), q.core.Len()) {
		q.watch()
	}
}

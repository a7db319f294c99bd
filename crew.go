package postrider

import (
	"crypto/rand"
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// shift is one worker at a partitioned mailbox: who has asked to receive from it, with the partitions that are its own at
// present. Workers tell each other through an exchange that they are there. Each of them works out from who is there
// which partitions are whose; while they disagree, the single active consumer of each partition sees to it that only one receives.
//
//	hear of a worker, or none of one for long ──► assign ──► leave what is another's, take what is mine
//	leave ──► goodbye, leave all ──nothing of a partition in hand──► give it back ──nothing in hand at all──► release
type shift struct {
	at       *partitioned
	to       receiver
	prefetch int
	id       string

	woken   chan struct{} // one place
	begun   chan struct{} // closed when the first attempts to receive have ended
	leaving chan struct{} // closed by leave
	left    chan struct{} // closed when all shares are left
	ending  chan struct{}
	over    chan struct{}

	leaveOnce, endOnce sync.Once

	// Owned by run, and by take before and by leave and release after it.
	shares  []*share // by partition; nil: not mine
	workers map[string]worker
	now     time.Time // when this worker last heard itself: its clock for others
	sent    *client.Fate
	intake  intake

	mu   sync.Mutex
	news []arrival
	errs error
}

// worker is what is known of one.
type worker struct {
	heard time.Time
	every time.Duration
}

// presence is what workers tell each other, as JSON.
type presence struct {
	Worker string `json:"worker"`
	Every  int64  `json:"every"` // until it says so again, in milliseconds
	Hello  bool   `json:"hello,omitempty"`
	Bye    bool   `json:"bye,omitempty"`
}

const (
	beatEvery     = time.Second                      // of a worker that says it is there
	beatPerWorker = 50 * time.Millisecond            // and of many, so that they do not say it too often in sum
	longestBeat   = time.Minute                      // that is believed
	missedBeats   = 4                                // after which a worker counts as gone
	mostWorkers   = int(longestBeat / beatPerWorker) // that are believed to be there: more than there can be partitions, and so few that each speaks in time
	maxPresence   = 256                              // bytes
)

func (p *partitioned) take(prefetch int, to receiver) intake {
	s := &shift{
		at:       p,
		to:       to,
		prefetch: prefetch,
		id:       rand.Text(),
		woken:    make(chan struct{}, 1),
		begun:    make(chan struct{}),
		leaving:  make(chan struct{}),
		left:     make(chan struct{}),
		ending:   make(chan struct{}),
		over:     make(chan struct{}),
		shares:   make([]*share, len(p.parts)),
		workers:  make(map[string]worker),
	}
	s.workers[s.id] = worker{every: beatEvery}
	s.assign()
	go s.run()
	return s
}

// run is the worker's goroutine.
func (s *shift) run() {
	defer close(s.over)
	s.intake = s.at.presence.take(defaultPrefetch, (*hearing)(s))
	s.await()
	s.say(presence{Hello: true})
	beat := time.NewTimer(s.every())
	defer beat.Stop()
	for !s.isLeaving() {
		select {
		case <-s.woken:
			s.hear()
		case <-beat.C:
			s.say(presence{})
			beat.Reset(s.every())
		case <-s.leaving:
		case <-s.ending:
			return
		case <-s.at.node.ctx.Done():
			return
		}
		s.forgetTheGone()
		s.assign()
	}
	s.leaveAll()
}

// leaveAll leaves all partitions, and gives each back when nothing of it is in hand any more.
func (s *shift) leaveAll() {
	s.sayBye()
	s.leaveShares()
	close(s.left)
	s.intake.release()
	s.intake = nil
	for {
		s.giveBack()
		select {
		case <-s.woken:
		case <-s.ending:
			return
		case <-s.at.node.ctx.Done():
			return
		}
	}
}

// giveBack gives back the partitions of which nothing is in hand after they were left.
func (s *shift) giveBack() {
	for i, h := range s.shares {
		if h != nil && h.empty() {
			h.intake.release()
			s.shares[i] = nil
		}
	}
}

func (s *shift) isLeaving() bool {
	select {
	case <-s.leaving:
		return true
	default:
		return false
	}
}

// leave takes nothing more, and says goodbye: others take over the partitions one by one. When it returns, what was handed out and nobody has begun with can be
// given back.
func (s *shift) leave() {
	s.leaveOnce.Do(func() { close(s.leaving) })
	select {
	case <-s.left:
	case <-s.over:
		s.leaveShares()
	}
}

func (s *shift) leaveShares() {
	for _, h := range s.shares {
		if h != nil {
			h.leave()
		}
	}
}

// await waits for the first attempts to receive, and notes why one failed.
func (s *shift) await() {
	defer close(s.begun)
	for _, h := range s.shares {
		if h == nil {
			continue
		}
		select {
		case <-h.intake.first():
		case <-s.leaving:
			return
		case <-s.ending:
			return
		case <-s.at.node.ctx.Done():
			return
		}
		if err := h.intake.err(); err != nil {
			s.mu.Lock()
			s.errs = err
			s.mu.Unlock()
		}
	}
}

func (s *shift) every() time.Duration {
	return max(beatEvery, time.Duration(len(s.workers))*beatPerWorker)
}

// say tells all workers. It does so only when what was said last has arrived: what is said while there is no connection
// is of no use afterwards.
func (s *shift) say(p presence) {
	if s.sent != nil && !s.sent.Decided() {
		return
	}
	p.Worker, p.Every = s.id, s.every().Milliseconds()
	body, err := json.Marshal(p)
	if err != nil {
		return
	}
	s.sent = new(client.Fate)
	d := draft{id: s.at.node.ids.next(), style: styleJSON + styleTransient, body: body}
	if err := s.at.presence.post(s.sent, d); err != nil {
		s.sent = nil
	}
}

// hearing is the shift as the receiver of what others say.
type hearing shift

func (h *hearing) hand(batch []arrival) {
	h.mu.Lock()
	h.news = append(h.news, batch...)
	h.mu.Unlock()
}

func (h *hearing) ready() { (*shift)(h).wake() }

func (s *shift) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// hear takes note of what was said.
func (s *shift) hear() {
	s.mu.Lock()
	news := s.news
	s.news = nil
	s.mu.Unlock()
	answer := false
	for _, a := range news {
		a.from.ack(a.tag)
		var p presence
		if len(a.body) > maxPresence || json.Unmarshal(a.body, &p) != nil || p.Worker == "" {
			continue
		}
		switch {
		case p.Worker == s.id:
			s.now = time.Now()
		case p.Bye:
			delete(s.workers, p.Worker)
			continue
		default:
			if _, known := s.workers[p.Worker]; !known && len(s.workers) >= mostWorkers {
				continue
			}
			answer = answer || p.Hello
		}
		s.workers[p.Worker] = worker{time.Now(), min(max(beatEvery, time.Duration(p.Every)*time.Millisecond), longestBeat)}
	}
	if answer {
		s.say(presence{})
	}
}

// forgetTheGone drops the workers that were not heard of while this one heard itself: one that hears nothing knows nothing
// of others.
func (s *shift) forgetTheGone() {
	for id, w := range s.workers {
		if id != s.id && s.now.Sub(w.heard) > missedBeats*w.every {
			delete(s.workers, id)
		}
	}
}

// assign leaves the partitions that are another's, and takes those that are this worker's.
func (s *shift) assign() {
	for i, owner := range owners(slices.Sorted(maps.Keys(s.workers)), len(s.shares)) {
		h := s.shares[i]
		switch {
		case h == nil && owner == s.id:
			h = newShare(s.to, s.wake)
			s.shares[i] = h
			h.intake = s.at.parts[i].take(s.prefetch, h)
		case h == nil:
		case h.empty():
			h.intake.release()
			s.shares[i] = nil
			s.wake() // it may be this worker's again
		case owner != s.id:
			h.leave()
		}
	}
}

// owners says whose each partition is: that of the worker whose hash with the partition is the highest (rendezvous
// hashing), among those who do not have their even share yet. So few move when a worker comes or goes.
func owners(workers []string, partitions int) []string {
	most := (partitions + len(workers) - 1) / len(workers)
	has := make(map[string]int, len(workers))
	all := make([]string, partitions)
	for i := range all {
		var best uint64
		for _, w := range workers {
			if rank := rendezvous(w, i); has[w] < most && (all[i] == "" || rank > best) {
				all[i], best = w, rank
			}
		}
		has[all[i]]++
	}
	return all
}

func rendezvous(worker string, partition int) uint64 {
	h := fnv.New64a()
	h.Write([]byte{byte(partition), byte(partition >> 8)})
	h.Write([]byte(worker))
	return h.Sum64()
}

func (s *shift) first() <-chan struct{} { return s.begun }

func (s *shift) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs
}

// stop is not asked of who receives alone: see release.
func (s *shift) stop() <-chan struct{} { return closedChannel }

// release gives everything back that is not settled, and says goodbye.
func (s *shift) release() {
	s.endOnce.Do(func() { close(s.ending) })
	<-s.over
	for _, h := range s.shares {
		if h != nil {
			h.intake.release()
		}
	}
	if s.intake != nil {
		s.intake.release()
	}
	if !s.isLeaving() {
		s.sayBye()
	}
}

// sayBye is say, whatever was said last.
func (s *shift) sayBye() {
	s.sent = nil
	s.say(presence{Bye: true})
}

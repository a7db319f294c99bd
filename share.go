package postrider

import "sync"

// share is one partition that a worker receives from. Messages of one key are handed out one after the other, the
// next one when the last one is settled; different keys, and messages without one, at the same time.
//
//	receiving ──leave──► leaving: hands out nothing more ──nothing out──► drained: the consumer ends, and what
//	                                                                      was not settled goes back as a whole
type share struct {
	to      receiver
	drained func() // called once, when nothing is out after leave
	intake  intake

	mu      sync.Mutex
	lanes   map[string][]arrival // what waits behind the one of its key that is out
	out     int                  // handed out and not settled
	leaving chan struct{}        // closed by leave
	left    bool
	told    bool
}

func newShare(to receiver, drained func()) *share {
	return &share{to: to, drained: drained, lanes: make(map[string][]arrival), leaving: make(chan struct{})}
}

func (s *share) hand(batch []arrival) {
	for _, a := range batch {
		s.take(a)
	}
}

// take is given each arrival of the partition. One that comes when the worker is leaving goes back with the rest.
func (s *share) take(a arrival) {
	key := text(rawHeaders(a.props), headerKey)
	s.mu.Lock()
	waiting, busy := s.lanes[key]
	switch {
	case s.left:
		s.mu.Unlock()
		return
	case key != "" && busy:
		s.lanes[key] = append(waiting, a)
		s.mu.Unlock()
		return
	case key != "":
		s.lanes[key] = nil
	}
	s.out++
	s.mu.Unlock()
	s.pass(key, a)
}

func (s *share) ready() { s.to.ready() }

// pass hands out one that is counted.
func (s *share) pass(key string, a arrival) {
	l := &laned{share: s, key: key, arrival: a}
	a.from = l
	s.to.hand([]arrival{a})
}

// next lets the one behind a message that is not out any more follow.
func (s *share) next(key string) {
	s.mu.Lock()
	s.out--
	a, ok := s.follower(key)
	tell := s.finished()
	s.mu.Unlock()
	if ok {
		s.pass(key, a)
		s.to.ready()
	}
	if tell {
		s.drained()
	}
}

// follower takes the next one of a key, which is counted as out. The caller holds mu.
func (s *share) follower(key string) (arrival, bool) {
	if key == "" || s.left {
		return arrival{}, false
	}
	waiting := s.lanes[key]
	for len(waiting) > 0 && waiting[0].from.stale(waiting[0].tag) {
		waiting = waiting[1:]
	}
	if len(waiting) == 0 {
		delete(s.lanes, key)
		return arrival{}, false
	}
	s.lanes[key] = waiting[1:]
	s.out++
	return waiting[0], true
}

// leave hands out nothing more.
func (s *share) leave() {
	s.mu.Lock()
	if !s.left {
		s.left = true
		close(s.leaving)
	}
	tell := s.finished()
	s.mu.Unlock()
	if tell {
		s.drained()
	}
}

// finished decides, once, that nothing is out any more. The caller holds mu.
func (s *share) finished() bool {
	if !s.left || s.out > 0 || s.told {
		return false
	}
	s.told = true
	return true
}

// empty reports whether a share that was left has nothing out.
func (s *share) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// laned settles a message of a share.
type laned struct {
	share *share
	key   string
	arrival
}

func (l *laned) ack(tag uint64) error {
	err := l.from.ack(tag)
	l.share.next(l.key)
	return err
}

func (l *laned) ackSoon(tag uint64) error { return l.ack(tag) } // the next one of the key waits for it

// giveBack keeps the message at the head of its key: it is handed out again here, unless the worker is leaving, when it
// goes back with the rest, or its connection was lost, when the broker has it.
func (l *laned) giveBack(tag uint64) error {
	select {
	case <-l.share.leaving:
		l.seen(tag)
		l.share.next(l.key)
		return nil
	default:
	}
	if l.from.stale(tag) {
		l.share.next(l.key)
		return nil
	}
	l.seen(tag)
	a := l.arrival
	a.redelivered, a.from = true, l
	l.share.to.hand([]arrival{a})
	l.share.to.ready()
	return nil
}

// putBack is asked of a worker that has left, of what nobody has begun with: it goes back with the rest.
func (l *laned) putBack(uint64) error {
	l.share.next(l.key)
	return nil
}

func (l *laned) seen(tag uint64)                 { l.from.seen(tag) }
func (l *laned) stale(tag uint64) bool           { return l.from.stale(tag) }
func (l *laned) gone(tag uint64) <-chan struct{} { return l.from.gone(tag) }

package postrider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/broker"
)

// standIn lets who reads the connection by which a few messages came handle them, in the place of a worker that rests. To wake that would wake a thread of
// the system, which takes the processor from the sender that has just been confirmed. It is for handlers that have been quick of late.
//
//	a worker rests, messages came ──use──► its place is lent, the reader handles ──► the place is given back, the reader reads on
//	                                                      └─a millisecond or two──► another goroutine reads on, this one goes when it has handled
//
// One message of a tap is handled so at a time. The worker whose place is lent takes nothing and does not end before, so whoever waits
// for the worker waits for the handler.
type standIn struct {
	tap   *tap
	ctx   context.Context
	h     Handler
	o     *handleOptions
	do    func(readOn func()) // handle, bound once
	quick atomic.Int32        // handlers were quick so often; not above 0: a worker handles

	// Owned by who has the place.
	arrival arrival
	press   press
	hand    *hand

	mu     sync.Mutex
	readOn func() // nil: nobody is in the place, or another has read on already
	turn   uint64
	seen   uint64 // the turn, when the timer was set
	timer  *time.Timer
	set    bool
}

const (
	quickHandler = 100 * time.Microsecond // or the processor was given to others meanwhile, which is not rare
	slowCosts    = 3                      // quick ones: more than one in four, and the worker handles
	quickFirst   = 32                     // so many before the first is handled so
	quickMost    = 64
	slowMost     = 128                    // so many after one that another had to read on for
	watchEvery   = time.Millisecond       // while there are messages; not for each of them
	longestTurn  = 400 * time.Microsecond // of who stands in
	wakeCosts    = 10 * time.Microsecond  // so much per message, and it is better shared with other workers
)

func newStandIn(ctx context.Context, t *tap, h Handler, o *handleOptions) *standIn {
	s := &standIn{tap: t, ctx: ctx, h: h, o: o, hand: t.newHand()}
	s.do = s.handle
	s.quick.Store(-quickFirst)
	return s
}

// use implements idler.
func (t *tap) use(l *broker.Lull) bool {
	s := t.stand.Load()
	if s == nil || s.quick.Load() <= 0 || !t.feed.lend(&s.arrival) {
		return false
	}
	l.Use(s.do)
	return true
}

func (s *standIn) handle(readOn func()) {
	s.begin(readOn)
	defer s.end()
	began := time.Since(started)
	now := began
	for n := 1; ; n++ {
		if m := s.tap.see(&s.arrival, &s.press); m != nil {
			s.hand.holds(m)
			act(s.ctx, m, s.h, s.o)
		}
		last := now
		now = time.Since(started)
		s.took(now - last)
		if s.enough(n, now-began) || !s.tap.feed.lendNext(&s.arrival) {
			break
		}
	}
}

// enough reports whether a turn in which n messages took so long is over.
func (s *standIn) enough(n int, took time.Duration) bool {
	return took >= longestTurn || s.o.workers > 1 && took >= time.Duration(n+2)*wakeCosts
}

// timed is act, and learns how long it takes.
func (s *standIn) timed(m *Message) {
	began := time.Since(started)
	act(s.ctx, m, s.h, s.o)
	s.took(time.Since(started) - began)
}

func (s *standIn) took(d time.Duration) {
	n := s.quick.Load()
	if d < quickHandler {
		s.quick.Store(min(n+1, quickMost))
	} else {
		s.quick.Store(max(n-slowCosts, -slowMost))
	}
}

func (s *standIn) begin(readOn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readOn = readOn
	s.turn++
	if !s.set {
		s.watchAgain()
	}
}

// watchAgain sets the timer. The caller holds mu.
func (s *standIn) watchAgain() {
	s.set, s.seen = true, s.turn
	if s.timer == nil {
		s.timer = time.AfterFunc(watchEvery, s.watch)
	} else {
		s.timer.Reset(watchEvery)
	}
}

// end gives the place back.
func (s *standIn) end() {
	s.arrival = arrival{}
	s.hand.holds(nil)
	s.mu.Lock()
	s.readOn = nil
	s.mu.Unlock()
	s.tap.feed.idle()
	s.tap.feed.giveBack()
}

// watch is called by the timer. It reads on if who is in the place has been there since the timer was set.
func (s *standIn) watch() {
	s.mu.Lock()
	readOn := s.readOn
	switch {
	case readOn == nil:
		s.set = false
	case s.seen != s.turn:
		s.watchAgain()
		readOn = nil
	default:
		s.set, s.readOn = false, nil
		s.quick.Store(-slowMost)
	}
	s.mu.Unlock()
	if readOn != nil {
		readOn()
	}
}

// stop is called when nobody handles any more.
func (s *standIn) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}

package nodes

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/torture/node"
	"github.com/postrider-mq/postrider/torture/told"
)

// Ledger is the judge: it is given the lives of the nodes and what they have told, and says what may not be. Its methods may be
// called from any goroutine.
type Ledger struct {
	keeps map[string]bool // by node: it has a directory
	names []string        // of the nodes

	mu       sync.Mutex
	messages map[string]*message
	lives    map[string]life // the last of each node
	ends     map[ended]end   // how those before it ended
	totals   Totals
	broken   []Violation
	first    chan struct{} // closed at the first violation
}

// life is one of a node.
type life struct {
	number int
	began  time.Duration
}

// ended names a life that is over, and end is how.
type (
	ended struct {
		name   string
		number int
	}
	end struct {
		at      time.Duration // no later than that
		orderly bool
	}
)

// message is what is known of one.
type message struct {
	told.Message
	op     string
	way    told.Way
	begun  time.Duration // 0: nobody has told of it
	how    told.Outcome  // "": not known, for its sender was killed
	ended  time.Duration // when that was told
	isKept bool
	hands  []hand // whom it came to
}

// hand is one life of a node that a message came to.
type hand struct {
	node      string
	life      int
	came      time.Duration // for the first time
	done      time.Duration // when a handler had done; 0: none has
	again     bool          // when it came first it was marked redelivered
	got, fail uint8
}

// Violation is a broken promise.
type Violation struct {
	Kind, Msg, Text string
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s %s", v.Kind, v.Msg, v.Text) }

// NewLedger returns an empty one. keeps says of each node whether it has a directory.
func NewLedger(keeps map[string]bool) *Ledger {
	l := &Ledger{keeps: keeps, messages: map[string]*message{}, lives: map[string]life{}, ends: map[ended]end{}, first: make(chan struct{})}
	for name := range keeps {
		l.names = append(l.names, name)
	}
	slices.Sort(l.names)
	return l
}

// Broken is closed when something may not be.
func (l *Ledger) Broken() <-chan struct{} { return l.first }

// Violations are those found so far, the first hundred.
func (l *Ledger) Violations() []Violation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.broken)
}

// Violate notes what was seen elsewhere.
func (l *Ledger) Violate(kind, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violate(kind, "", text)
}

func (l *Ledger) violate(kind, msg, text string) {
	if len(l.broken) == 0 {
		close(l.first)
	}
	if len(l.broken) < 100 {
		l.broken = append(l.broken, Violation{kind, msg, text})
	}
}

// Begin begins the life of a node. All that its last one has told is noted by then.
func (l *Ledger) Begin(name string, number int, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lives[name] = life{number, at}
}

// End ends a life, in good order or with signal 9: before the signal is sent.
func (l *Ledger) End(name string, number int, at time.Duration, orderly bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[ended{name, number}] = end{at, orderly}
}

// Tell notes a line of a node.
func (l *Ledger) Tell(name string, number int, t told.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch t.Kind {
	case told.Begin:
		l.totals.Calls++
		if m := l.message(t.Msg); m != nil {
			m.begun, m.op, m.way = t.At, t.Op, t.Way
			l.totals.Messages++
		}
	case told.End:
		l.late(t)
		l.outcome(t)
	case told.Fate:
		l.goes(t)
		l.outcome(t)
	case told.Kept:
		l.goes(t)
		if m := l.message(t.Msg); m != nil && !m.isKept {
			m.isKept = true
			l.totals.Kept++
		}
	case told.Got:
		l.got(name, number, t)
	case told.Done, told.Failed:
		l.concluded(name, number, t)
	case told.Wrong:
		l.violate("wrong", "", fmt.Sprintf("%s.%d: %s", name, number, t.Text))
	}
}

// message returns the one of a name, known or not; nil when there is none.
func (l *Ledger) message(name string) *message {
	if name == "" {
		return nil
	}
	m := l.messages[name]
	if m == nil {
		is, err := told.Parse(name)
		if err != nil {
			l.violate("wrong", name, err.Error())
			return nil
		}
		m = &message{Message: is}
		l.messages[name] = m
	}
	return m
}

// grace is how long a call may take to end when its time is up.
const grace = time.Second

func (l *Ledger) late(t told.Line) {
	l.totals.Latest = max(l.totals.Latest, t.Late-2*t.Starved)
	if t.Late > grace+2*t.Starved {
		l.violate("late", t.Msg, fmt.Sprintf("a %s ended %v after its deadline, while its process was starved for %v: %s %s", t.Op, t.Late, t.Starved, t.How, t.Text))
	}
}

// goes notes by which way a message goes.
func (l *Ledger) goes(t told.Line) {
	if m := l.message(t.Msg); m != nil && m.way != t.Way {
		m.way = t.Way
		if t.Way == told.Relayed {
			l.totals.Relayed++
		}
	}
}

func (l *Ledger) outcome(t told.Line) {
	m := l.message(t.Msg)
	if m == nil || t.How == told.Unknown {
		return
	}
	m.how, m.ended = t.How, t.At
	switch t.How {
	case told.Maybe:
		l.totals.Maybe++
	case told.Never:
		l.totals.Never++
	case told.WasAnswered:
		l.totals.Answered++
	default:
		l.totals.Confirmed++
	}
}

func (m *message) hand(name string, number int) *hand {
	for i := range m.hands {
		if h := &m.hands[i]; h.node == name && h.life == number {
			return h
		}
	}
	return nil
}

func (l *Ledger) got(name string, number int, t told.Line) {
	m := l.message(t.Msg)
	if m == nil {
		return
	}
	l.totals.Deliveries++
	if l.isNode(m.Target) && m.Target != name {
		l.violate("never", t.Msg, "it came to "+name)
	}
	h := m.hand(name, number)
	if h == nil {
		if len(m.hands) > 0 && m.Target != node.News {
			l.totals.Elsewhere++
		}
		l.remembers(name, m, t)
		m.hands = append(m.hands, hand{node: name, life: number, came: t.At, again: t.Again})
		h = &m.hands[len(m.hands)-1]
	}
	h.got++
	if h.got > 1+h.fail {
		l.violate("repeat", t.Msg, fmt.Sprintf("%s.%d got it %d times, and failed upon it %d times", name, number, h.got, h.fail))
	}
}

// markTime is how long it may take until it is on the disk that a message was handled: that is not waited for.
const markTime = 1500 * time.Millisecond

// remembers wants a node with a directory to know what an earlier life has handled.
func (l *Ledger) remembers(name string, m *message, t told.Line) {
	for _, h := range m.hands {
		if h.node != name || h.done == 0 || !l.keeps[name] {
			continue
		}
		e, known := l.ends[ended{name, h.life}]
		switch {
		case !known:
		case e.orderly:
			l.violate("repeat", t.Msg, fmt.Sprintf("%s.%d had handled it, and ended in good order", name, h.life))
		case e.at-h.done > markTime:
			l.violate("repeat", t.Msg, fmt.Sprintf("%s.%d had handled it %v before it was killed", name, h.life, e.at-h.done))
		case m.Target == name && m.how == told.WasHandled && m.ended < t.At:
			l.violate("repeat", t.Msg, fmt.Sprintf("%s.%d had handled it, and told its sender so", name, h.life))
		default:
			l.totals.Unmarked++
		}
	}
}

func (l *Ledger) concluded(name string, number int, t told.Line) {
	m := l.message(t.Msg)
	if m == nil {
		return
	}
	h := m.hand(name, number)
	switch {
	case h == nil:
		l.violate("wrong", t.Msg, name+" is done with it and never got it")
	case t.Kind == told.Failed:
		l.totals.Failures++
		h.fail++
	case h.done == 0:
		h.done = t.At
		l.totals.Handled++
	}
}

func (l *Ledger) isNode(name string) bool {
	_, is := l.keeps[name]
	return is
}

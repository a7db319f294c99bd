package nodes

import (
	"fmt"

	"github.com/postrider-mq/postrider/torture/node"
	"github.com/postrider-mq/postrider/torture/told"
)

// Missing is how many messages have to be handled yet.
func (l *Ledger) Missing() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages {
		if l.missing(m) != "" {
			n++
		}
	}
	return n
}

// Finish judges when everything had time to be handled.
func (l *Ledger) Finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, m := range l.messages {
		l.judge(name, m)
	}
	l.judgeOrder()
}

func (l *Ledger) judge(name string, m *message) {
	if who := l.missing(m); who != "" {
		l.totals.Lost++
		l.violate("lost", name, fmt.Sprintf("%s; it was %s to its sender, and %s", m.op, m.sureBy(), who))
	}
	switch {
	case m.begun == 0:
		l.violate("never", name, "it came, and nobody sent it")
	case m.how == told.Never && len(m.hands) > 0:
		l.violate("never", name, fmt.Sprintf("its sender knows for certain that it did not come, and it came to %s", m.hands[0].node))
	case (m.how == told.WasHandled || m.how == told.WasAnswered) && !m.doneBefore():
		l.violate("handled", name, fmt.Sprintf("its %s said %s, and by then no handler had come to its end", m.op, m.how))
	case m.sure() && !m.done() && m.op != node.Called && l.isNode(m.Target):
		l.totals.WithMemory++
	}
}

// sure reports whether somebody has taken responsibility.
func (m *message) sure() bool {
	switch m.how {
	case told.WasKept, told.WasStored, told.WasReceived, told.WasHandled:
		return true
	}
	return m.isKept
}

func (m *message) sureBy() told.Outcome {
	if m.how == "" || m.how == told.Maybe {
		return told.WasKept
	}
	return m.how
}

// missing says who should have handled the message and has not; "" if nobody.
func (l *Ledger) missing(m *message) string {
	switch {
	case m.how == told.Never || !m.sure():
		return ""
	case m.Target == node.News && m.op != node.SendUntilHandled: // a copy that nobody waits for any more expires
		for _, name := range l.names {
			if !m.doneBy(name) {
				return name + " has not handled it"
			}
		}
		return ""
	case m.done():
		return ""
	case l.isNode(m.Target) && !l.keeps[m.Target] && m.begun < l.lives[m.Target].began:
		return "" // it may have been in a memory that is no more
	}
	return "nobody has handled it"
}

func (m *message) done() bool {
	for _, h := range m.hands {
		if h.done != 0 {
			return true
		}
	}
	return false
}

func (m *message) doneBy(name string) bool {
	for _, h := range m.hands {
		if h.done != 0 && h.node == name {
			return true
		}
	}
	return false
}

// doneBefore reports whether a handler had done when the sender was told.
func (m *message) doneBefore() bool {
	for _, h := range m.hands {
		if h.done != 0 && h.done <= m.ended {
			return true
		}
	}
	return false
}

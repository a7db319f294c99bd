package nodes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/torture/node"
	"github.com/postrider-mq/postrider/torture/told"
)

// seen is a message where it came first.
type seen struct {
	at time.Duration
	*message
}

// judgeOrder wants what was confirmed, of one sender to one target, to have come in the order in which it was sent.
func (l *Ledger) judgeOrder() {
	lines := map[string][]seen{}
	for _, m := range l.messages {
		if !m.sure() || len(m.hands) == 0 {
			continue
		}
		switch m.Target {
		case node.Parts:
			line := fmt.Sprintf("key %s of %s", m.Key, m.Sender)
			lines[line] = append(lines[line], seen{m.first().came, m})
		case node.Jobs: // whose receivers compete: copies of what was sent again go to different ones
		case node.News:
			for _, h := range m.subscribers() {
				line := fmt.Sprintf("%s to news, at %s", m.Sender, h.node)
				lines[line] = append(lines[line], seen{h.came, m})
			}
		default:
			if m.asksAgain() && !l.keeps[m.Target] {
				continue // a memory that is no more may have had it first
			}
			if m.way == told.Either {
				continue // each way has an order of its own
			}
			if m.way == told.Relayed && m.first().again {
				continue // it was relayed to the receiver's last life, whose connection outlived it
			}
			line := strings.TrimSuffix(fmt.Sprintf("%s to %s, %s", m.Sender, m.Target, m.way), ", ")
			lines[line] = append(lines[line], seen{m.first().came, m})
		}
	}
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		l.judgeLine(line, lines[line])
	}
}

// asksAgain reports whether the sender sends it again, behind others, until he hears that it was handled.
func (m *message) asksAgain() bool {
	return m.op == node.SendUntilHandled || m.op == node.PostUntilHandled
}

func (l *Ledger) judgeLine(line string, came []seen) {
	slices.SortFunc(came, func(a, b seen) int { return cmp.Compare(a.at, b.at) })
	for i := range came {
		l.totals.Ordered++
		if i > 0 && came[i].before(came[i-1].message) {
			l.violate("order", came[i].String(), fmt.Sprintf("%s: it came after %v", line, came[i-1]))
		}
	}
}

func (m *message) before(o *message) bool {
	return cmp.Or(cmp.Compare(m.Life, o.Life), cmp.Compare(m.N, o.N)) < 0
}

// first is where the message came first.
func (m *message) first() hand {
	return slices.MinFunc(m.hands, func(a, b hand) int { return cmp.Compare(a.came, b.came) })
}

// subscribers are where it came first at each subscriber, and was not on its way before.
func (m *message) subscribers() (firsts []hand) {
	by := map[string]hand{}
	for _, h := range m.hands {
		if old, ok := by[h.node]; !ok || h.came < old.came {
			by[h.node] = h
		}
	}
	for _, h := range by {
		if !h.again {
			firsts = append(firsts, h)
		}
	}
	return firsts
}

package queue

import (
	"container/heap"
	"slices"
)

// single chooses the one member that is served. It stays until it leaves or,
// with takeOver, until one of higher priority is there: then it gets nothing
// more, and gives way once all that is out with it is settled.
//
//	waiting ──choose──► active ──higher priority joins──► giving way ──nothing out──► waiting
type single struct {
	takeOver bool
	active   *consumer
	joinings uint64
	line     line
}

// joined benches a new member, and lets it play if it may.
func (s *single) joined(c *consumer, members map[ConsumerID]*consumer) {
	s.joinings++
	c.since, c.benched = s.joinings, true
	heap.Push(&s.line, c)
	s.choose(members)
}

// choose is called when the choice may have changed: a member joined or left,
// or has nothing out any more.
func (s *single) choose(members map[ConsumerID]*consumer) {
	best := s.best(members)
	switch {
	case s.active == nil || s.active.detached:
		s.replace(best)
	case !s.takeOver || best.Priority <= s.active.Priority:
		s.bench(s.active, false)
	case s.active.out > 0:
		s.bench(s.active, true)
	default:
		s.replace(best)
	}
}

// best returns the member of highest priority, among equals the one that has
// been there longest, or nil.
func (s *single) best(members map[ConsumerID]*consumer) *consumer {
	if len(s.line) > 2*len(members)+fewLeft {
		s.line = slices.DeleteFunc(s.line, func(c *consumer) bool { return c.detached })
		heap.Init(&s.line)
	}
	for len(s.line) > 0 && s.line[0].detached {
		heap.Pop(&s.line)
	}
	if len(s.line) == 0 {
		return nil
	}
	return s.line[0]
}

// line is a heap of the members, the best first, so that nobody has to look at all of them whenever one comes or goes. Who has left is in it until
// its turn comes, or until there are more of them than members, and some.
type line []*consumer

const fewLeft = 8

func (l line) Len() int      { return len(l) }
func (l line) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l line) Less(i, j int) bool {
	a, b := l[i], l[j]
	return a.Priority > b.Priority || a.Priority == b.Priority && a.since < b.since
}

func (l *line) Push(c any) { *l = append(*l, c.(*consumer)) }

func (l *line) Pop() any {
	last := len(*l) - 1
	c := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return c
}

func (s *single) replace(next *consumer) {
	if s.active != nil {
		s.bench(s.active, true)
	}
	s.active = next
	if next != nil {
		s.bench(next, false)
	}
}

func (s *single) bench(c *consumer, benched bool) {
	c.benched = benched
	c.place()
}

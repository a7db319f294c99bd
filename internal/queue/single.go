package queue

// single chooses the one member that is served. It stays until it leaves or,
// with takeOver, until one of higher priority is there: then it gets nothing
// more, and gives way once all that is out with it is settled.
//
//	waiting ──choose──► active ──higher priority joins──► giving way ──nothing out──► waiting
type single struct {
	takeOver bool
	active   *consumer
	joinings uint64
}

// joined benches a new member, and lets it play if it may.
func (s *single) joined(c *consumer, members map[ConsumerID]*consumer) {
	s.joinings++
	c.since, c.benched = s.joinings, true
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
func (s *single) best(members map[ConsumerID]*consumer) (best *consumer) {
	for _, c := range members {
		if best == nil || c.Priority > best.Priority || c.Priority == best.Priority && c.since < best.since {
			best = c
		}
	}
	return best
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

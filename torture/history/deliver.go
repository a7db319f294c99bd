package history

import "slices"

// Session is one consumer's time at one queue, from its start to its end. Deliveries to it have an order.
type Session struct {
	h     *History
	queue int
	name  string
	plain map[lane]int // the last without the flag
	any   map[lane]int // the last
}

// lane is what has an order: messages of one publisher and priority.
type lane struct{ publisher, priority int }

// Session begins one.
func (h *History) Session(queue int, name string) *Session {
	return &Session{h: h, queue: queue, name: name, plain: map[lane]int{}, any: map[lane]int{}}
}

// Delivery is a message as a consumer got it.
type Delivery struct {
	ID          ID
	Intact      bool // body and properties are those that were published
	Redelivered bool
	Death       string // why it died last, if it is a dead letter
	DiedIn      string // the queue
}

// Delivered judges a delivery.
func (s *Session) Delivered(d Delivery) {
	h := s.h
	h.mu.Lock()
	defer h.mu.Unlock()
	h.totals.Delivered++
	h.log.delivered(h.life, h.queues[s.queue].Name, s.name, &d)
	if !h.known(s.queue, &d) {
		return
	}
	e := h.entry(s.queue, d.ID)
	h.judge(s.queue, e, &d)
	if h.direct(s.queue, d.ID) {
		s.inOrder(&d)
	}
	h.count(s.queue, e, &d)
	e.deliveries++
	if !d.Redelivered {
		e.plain++
	}
	if h.queues[s.queue].NoAck {
		e.finished = true
	}
}

// Unreadable says that something was delivered that no publisher writes.
func (s *Session) Unreadable(what string) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.violate("altered", s.queue, ID{}, "nobody publishes %q", what)
}

// known says whether there is such a message.
func (h *History) known(queue int, d *Delivery) bool {
	id := d.ID
	if id.Publisher < 0 || id.Publisher >= len(h.messages) || id.Seq < 1 || id.Seq > len(h.messages[id.Publisher]) {
		h.violate("unexpected", queue, id, "nobody published it")
		return false
	}
	return true
}

// direct says whether the queue is one that the publisher publishes to.
func (h *History) direct(queue int, id ID) bool {
	return slices.Contains(h.publishers[id.Publisher].Queues, queue)
}

func (h *History) judge(queue int, e *entry, d *Delivery) {
	m := h.messages[d.ID.Publisher][d.ID.Seq-1]
	if !d.Intact {
		h.violate("altered", queue, d.ID, "it is not what was published")
	}
	if m.outcome == refused {
		h.violate("unexpected", queue, d.ID, "it was refused")
	}
	most, before := 1, e.deliveries
	if !h.direct(queue, d.ID) {
		most = h.deaths(queue, d)
	}
	if h.ending || most > 1 { // what came before may have followed it, or have been another
		before = e.plain
	}
	if int(before) >= most && !d.Redelivered {
		h.violate("unflagged", queue, d.ID, "delivery %d, not marked redelivered", e.deliveries+1)
	}
	if int(e.proven) >= most && !h.ending {
		h.violate("back", queue, d.ID, "it was settled, and the settlement was durable")
	}
}

// deaths is how often the message may have been put into a queue of dead letters; 0 is a violation already reported.
func (h *History) deaths(queue int, d *Delivery) int {
	from := slices.IndexFunc(h.queues, func(q Queue) bool { return q.Name == d.DiedIn && q.DeadLetters == queue })
	if from < 0 || !h.direct(from, d.ID) {
		h.violate("unexpected", queue, d.ID, "it does not belong here: it died in %q (%s)", d.DiedIn, d.Death)
		return 1 << 16
	}
	rejects := int(h.entry(from, d.ID).rejects)
	dies := slices.Contains(h.queues[from].Dies, d.Death)
	if !dies && (d.Death != "rejected" || rejects == 0) {
		h.violate("dead", queue, d.ID, "nothing killed it in %q, yet it is %s", d.DiedIn, d.Death)
		return 1 << 16
	}
	if len(h.queues[from].Dies) > 0 { // once, and once more for each death that a kill undid
		rejects += 1 + h.life - int(h.messages[d.ID.Publisher][d.ID.Seq-1].life)
	}
	return rejects
}

// inOrder holds what a session gets against what it got before.
func (s *Session) inOrder(d *Delivery) {
	h, id := s.h, d.ID
	at := lane{id.Publisher, h.publishers[id.Publisher].Lane(id.Seq)}
	if last := s.any[at]; h.queues[s.queue].Strict && id.Seq <= last {
		h.violate("order", s.queue, id, "after %d, in session %s", last, s.name)
	}
	s.any[at] = id.Seq
	if d.Redelivered {
		return
	}
	last := s.plain[at]
	if id.Seq <= last {
		h.violate("order", s.queue, id, "after %d, in session %s", last, s.name)
	}
	if h.queues[s.queue].NoAck && last > 0 && id.Seq > last+1 {
		h.gaps = append(h.gaps, gap{queue: s.queue, publisher: id.Publisher, after: last, before: id.Seq})
	}
	s.plain[at] = id.Seq
}

func (h *History) count(queue int, e *entry, d *Delivery) {
	if e.deliveries > 0 {
		h.totals.Duplicated++
	} else if h.direct(queue, d.ID) {
		h.totals.Seen++
	}
	if d.Redelivered {
		h.totals.Flagged++
	}
	if !h.direct(queue, d.ID) && e.deliveries == 0 {
		switch d.Death {
		case "rejected":
			h.totals.DeadRejected++
		case "expired":
			h.totals.DeadExpired++
		case "maxlen":
			h.totals.DeadOverflow++
		default:
			h.totals.DeadOther++
		}
	}
}

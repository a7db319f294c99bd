package history

// Settling says that the consumer is about to settle a message.
func (s *Session) Settling(id ID, how Settlement) {
	h := s.h
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entry(s.queue, id)
	switch how {
	case Ack:
		e.finished = true
		h.totals.Acked++
	case Reject:
		e.rejects++
		h.totals.Rejected++
		if h.queues[s.queue].DeadLetters == None {
			e.finished = true
		}
	case Requeue:
		h.totals.Requeued++
	}
	h.log.settled(h.life, how.String(), h.queues[s.queue].Name, s.name, id)
}

// Durable says that the message's settlement, Ack or Reject, is on the disk.
func (s *Session) Durable(id ID, how Settlement) {
	h := s.h
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entry(s.queue, id)
	e.proven++
	e.rejected = e.rejected || how == Reject
	h.totals.Proven++
	h.log.settled(h.life, "durable", h.queues[s.queue].Name, s.name, id)
}

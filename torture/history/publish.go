package history

// Publishing takes the next number of a publisher, whose message is about to be written.
func (h *History) Publishing(publisher int) ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages[publisher] = append(h.messages[publisher], message{life: uint32(h.life)})
	id := ID{publisher, len(h.messages[publisher])}
	h.totals.Published++
	h.log.event(h.life, "publish", "", id)
	return id
}

// Confirmed says that the broker confirmed the message.
func (h *History) Confirmed(id ID) {
	h.answered(id, confirmed, "confirmed", &h.totals.Confirmed)
}

// Refused says that the broker refused the message.
func (h *History) Refused(id ID) {
	h.answered(id, refused, "refused", &h.totals.Refused)
}

func (h *History) answered(id ID, o outcome, event string, count *int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &h.messages[id.Publisher][id.Seq-1]
	home := h.publishers[id.Publisher].Queues[0]
	if m.outcome != unknown {
		h.violate("unexpected", home, id, "it was answered twice")
	}
	m.outcome = o
	*count++
	h.log.event(h.life, event, "", id)
	if o == refused && h.wasDelivered(id) {
		h.violate("unexpected", home, id, "it was delivered, and then refused")
	}
}

func (h *History) wasDelivered(id ID) bool {
	for _, q := range h.publishers[id.Publisher].Queues {
		if h.entry(q, id).deliveries > 0 {
			return true
		}
	}
	return false
}

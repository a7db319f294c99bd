package history

// Totals are the counts of a run.
type Totals struct {
	Lives                                                  int // how often the broker was stopped
	Published, Confirmed, Refused                          int // messages
	Delivered                                              int // deliveries
	Seen                                                   int // messages, once for each queue
	Duplicated                                             int // deliveries of what had been delivered
	Flagged                                                int // deliveries marked as redelivered
	Acked, Rejected, Requeued                              int // settlements
	Proven                                                 int // settlements known to be durable
	DeadRejected, DeadExpired, DeadOverflow, DeadOther     int // dead letters
	Lost, Recovered, UnconfirmedLost, TransientLost, NoAck int // set by Finish: see there
}

// Finish judges what is missing, when all queues were drained. Lost are confirmed messages that are gone; Recovered are
// those that arrived without a confirm, UnconfirmedLost those that did not; TransientLost and NoAck are those that could
// be lost, the first because nobody asked to keep them, the second on their way to a consumer without acknowledgements.
func (h *History) Finish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.publishers {
		for i := range h.messages[p] {
			for _, q := range h.publishers[p].Queues {
				h.account(q, ID{p, i + 1})
			}
		}
	}
	h.fillGaps()
}

func (h *History) account(queue int, id ID) {
	e, m := h.entry(queue, id), h.messages[id.Publisher][id.Seq-1]
	done := h.finished(queue, id)
	if e.rejected && !done {
		h.lose(queue, id, "a rejection of it is durable, and its dead letter is gone")
		return
	}
	switch {
	case m.outcome == refused:
	case m.outcome == unknown && done:
		h.totals.Recovered++
	case m.outcome == unknown:
		h.totals.UnconfirmedLost++
	case done:
	case h.publishers[id.Publisher].Transient:
		h.totals.TransientLost++
	case h.queues[queue].NoAck:
		h.totals.NoAck++
	default:
		h.lose(queue, id, "it was confirmed, and nobody has finished it")
	}
}

// finished says whether the message was ended by a consumer of the queue, or of the queue of its dead letters.
func (h *History) finished(queue int, id ID) bool {
	if h.entry(queue, id).finished {
		return true
	}
	dead := h.queues[queue].DeadLetters
	return dead != None && h.entry(dead, id).finished
}

func (h *History) lose(queue int, id ID, why string) {
	h.totals.Lost++
	h.violate("lost", queue, id, "%s", why)
}

func (h *History) fillGaps() {
	for _, g := range h.gaps {
		if h.publishers[g.publisher].Transient {
			continue
		}
		for seq := g.after + 1; seq < g.before; seq++ {
			id := ID{g.publisher, seq}
			if h.messages[g.publisher][seq-1].outcome == confirmed && h.entry(g.queue, id).deliveries == 0 {
				h.violate("gap", g.queue, id, "it is missing between %d and %d", g.after, g.before)
			}
		}
	}
}

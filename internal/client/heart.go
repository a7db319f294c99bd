package client

import "errors"

// ErrSilent ends a connection whose peer sent nothing for two heartbeat intervals.
var ErrSilent = errors.New("no heartbeat from the other side")

// heart keeps a connection alive: "If a peer detects no incoming traffic for two heartbeat
// intervals or longer, it should close the connection." It belongs to the manager.
type heart struct {
	*pulse // twice an interval; nil without heartbeats
	w      *wire
	reads  uint64
	writes uint64
	silent int // ticks without a read
}

func newHeart(w *wire) *heart {
	h := &heart{w: w}
	if w.heartbeat > 0 {
		h.pulse = newPulse(w.heartbeat / 2)
	}
	return h
}

func (h *heart) check() {
	h.again()
	reads, writes := h.w.link.Activity()
	if writes == h.writes {
		h.w.beat()
	}
	h.silent++
	if reads != h.reads {
		h.silent = 0
	}
	h.reads, h.writes = reads, writes
	if h.silent >= 4 {
		h.w.link.Close(ErrSilent)
	}
}

package client

import "time"

// A watch looks, every quarter of its patience, whether the oldest delivery of a consumer was there a patience ago. It costs
// nothing for each message.
type watch struct {
	of       *Consumer
	patience time.Duration
	late     func(is func(*Delivery) bool)

	// Owned by look, which never runs twice at the same time.
	looks [4]place // at what had been delivered, the oldest at next
	next  int
	told  place
}

// place is a delivery, by its channel and tag.
type place struct{ epoch, tag uint64 }

// Watch has late called, once for each, when the oldest delivery that is not settled has been here for so long, and at most a
// quarter longer; is tells which one it is. It must not block.
func (u *Consumer) Watch(patience time.Duration, late func(is func(*Delivery) bool)) {
	w := &watch{of: u, patience: patience, late: late}
	time.AfterFunc(patience/4, w.look)
}

func (w *watch) look() {
	u := w.of
	select {
	case <-u.gone.ch:
		return
	default:
	}
	u.mu.Lock()
	oldest, last := place{u.epoch, u.unacked.oldest()}, place{u.epoch, u.unacked.last}
	u.mu.Unlock()
	then := w.looks[w.next]
	w.looks[w.next] = last
	w.next = (w.next + 1) % len(w.looks)
	if then.epoch == oldest.epoch && oldest.tag <= then.tag && oldest != w.told {
		w.told = oldest
		w.late(func(d *Delivery) bool { return d.consumer == u && d.epoch == oldest.epoch && d.tag == oldest.tag })
	}
	time.AfterFunc(w.patience/4, w.look)
}

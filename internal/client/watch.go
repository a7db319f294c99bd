package client

import "time"

// A watch looks, every quarter of its patience, whether the oldest delivery of a consumer was there a patience ago. It costs
// nothing for each message.
type watch struct {
	of       *Consumer
	patience time.Duration
	late     func(is func(*Delivery) bool)
	timer    *time.Timer // guarded by the consumer's mu; it must not outlive the consumer, which it would keep for minutes

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
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.isGone() {
		w.timer = time.AfterFunc(patience/4, w.look)
		u.watch = w
	}
}

func (w *watch) look() {
	u := w.of
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
	w.again()
}

func (w *watch) again() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	if !w.of.isGone() {
		w.timer.Reset(w.patience / 4)
	}
}

// end is called when the consumer is gone. The caller holds its mu.
func (w *watch) end() {
	if w != nil {
		w.timer.Stop()
	}
}

package client

import (
	"errors"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// unserved notices a consumer to whom RabbitMQ delivers nothing any more. Where somebody deletes a quorum queue, and another client makes it again at
// once, RabbitMQ consumes from the new one in the place of those who consumed from the old, tells them nothing, and may deliver nothing either. So
// whoever has nothing in hand, and got nothing from one look to the next, asks for the queue. If it has messages for him, and has them still at the next
// look, he consumes anew. They may be for another, whom the queue serves alone, or first: so each time in vain he waits twice as long. It belongs to the manager.
//
//	something came ──nothing since──► asks ──there are messages──► starves ──another look, and still──► consumes anew
//	      ▲───────────────────────────────┴──there are none             └──something came──► …
type unserved struct {
	*pulse // nil: nobody looks
	w      *wire
	last   map[*Consumer]lull
}

// lull is a consumer to whom nothing comes.
type lull struct {
	at      place     // what came last
	due     time.Time // when his queue is to be asked for
	starves bool
	vain    int // how often he has consumed anew, and still nothing came
}

// mostVain bounds how seldom one asks who consumed anew in vain: every 43 minutes.
const mostVain = 8

// Of many consumers not all are asked for in one look: the manager has more to do, and the broker may be far.
const (
	unservedEvery    = 10 * time.Second
	lookFor          = 250 * time.Millisecond
	restBetweenLooks = time.Second // if some are due and were not asked for
)

func newUnserved(w *wire) *unserved {
	v := &unserved{w: w, last: make(map[*Consumer]lull)}
	if w.product == rabbitMQ {
		v.pulse = newPulse(unservedEvery)
	}
	return v
}

// look returns an error when the wire is of no more use.
func (v *unserved) look() (err error) {
	began := time.Now()
	before := v.last
	v.last, v.every = make(map[*Consumer]lull, len(before)), unservedEvery
	v.w.conn.eachConsumer(func(u *Consumer) {
		at, idle := u.emptyHanded(v.w)
		if !idle || err != nil {
			return
		}
		l, known := before[u]
		switch {
		case !known || l.at != at:
			if at.tag != 0 {
				l.vain = 0
			}
			l = lull{at: at, due: began.Add(unservedEvery << min(l.vain, mostVain)), vain: l.vain}
		case began.Before(l.due):
		case time.Since(began) > lookFor:
			v.every = restBetweenLooks
		default:
			l.due = began.Add(unservedEvery)
			err = v.ask(u, &l)
		}
		v.last[u] = l
	})
	v.again()
	return err
}

// ask asks for the queue of a consumer, who consumes anew if it had messages for him before, too.
func (v *unserved) ask(u *Consumer, l *lull) error {
	waiting, err := v.w.waitingFor(u)
	if err == nil && waiting && l.starves {
		v.w.conn.cfg.Logger.Warn("the broker delivers nothing of what is in a queue: consuming anew", "queue", u.queue.name(), "to", v.w.at.String())
		u.cancelledBy(v.w)
		l.vain++
	}
	l.starves = waiting
	return err
}

// emptyHanded says what a consumer got last, and whether all that came is settled. One whose queue is its connection's own is not asked about.
func (u *Consumer) emptyHanded(w *wire) (last place, is bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return place{u.epoch, u.unacked.last}, u.wire == w && u.active && !u.stop && !u.queue.Own && u.unacked.oldest() > u.unacked.last
}

// waitingFor asks whether there are messages that a consumer should get: in a queue that serves one at a time, if it is the only one.
func (w *wire) waitingFor(u *Consumer) (bool, error) {
	var some bool // the reader's, until it has answered
	err := w.askOnTopology(&amqp.QueueDeclare{Queue: u.queue.name(), Passive: true}, func(m amqp.Method) {
		ok := m.(*amqp.QueueDeclareOk)
		some = ok.MessageCount > 0 && (!u.queue.Exact || ok.ConsumerCount <= 1)
	})
	var refused *amqp.Error
	switch {
	case err == nil:
		return some, nil
	case errors.As(err, &refused): // if it has gone, that is told
		return false, nil
	}
	return false, err
}

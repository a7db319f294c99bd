package client

import (
	"errors"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// bound keeps consumers' queues bound. Who deletes an exchange takes its bindings along, and who makes it again makes it without them; nobody is told.
// So what a queue that is consumed from is bound to is said again and again, which changes nothing where it is so. It belongs to the manager of
// a connection that does not publish.
type bound struct {
	*pulse // nil: nobody is bound
	w      *wire
	left   []*Consumer // of this round, which takes more than one look where they are many or the broker is far
}

// boundEvery is from the end of one round to the next.
const boundEvery = 10 * time.Second

func newBound(w *wire) *bound {
	v := &bound{w: w}
	if !w.conn.cfg.Publishes {
		v.pulse = newPulse(boundEvery)
	}
	return v
}

// look returns an error when the wire is of no more use.
func (v *bound) look() error {
	began := time.Now()
	if len(v.left) == 0 {
		v.w.conn.eachConsumer(func(u *Consumer) {
			if u.queue.From != nil {
				v.left = append(v.left, u)
			}
		})
	}
	for ; len(v.left) > 0 && time.Since(began) < lookFor; v.left = v.left[1:] {
		if u := v.left[0]; u.isActive(v.w) {
			if err := v.w.bindAgain(u.queue); err != nil {
				return err
			}
		}
	}
	v.every = restBetweenLooks
	if len(v.left) == 0 {
		v.left, v.every = nil, boundEvery
	}
	v.again()
	return nil
}

// isActive reports whether a consumer gets messages, and is to.
func (u *Consumer) isActive(w *wire) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.wire == w && u.active && !u.stop
}

// bindAgain leaves a queue as it is that the broker does not let be bound: what has become of it is told who consumes from it.
func (w *wire) bindAgain(q *Queue) error {
	err := w.bind(q)
	if errors.As(err, new(*amqp.Error)) {
		return nil
	}
	return err
}

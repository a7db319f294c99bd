package postrider

import (
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// hold keeps a message that failed in this process, unsettled, until it is due, and has it handled here again. It comes
// again from the broker when the receiver ends before. The caller has counted one more of the node's workers.
func (m *Message) hold(v verdict) {
	defer m.tap.target.node.workers.Done()
	m.tap.holds(1)
	defer m.tap.holds(-1)
	m.from.seen(m.tag)
	var props amqp.RawProperties
	p, err := m.withHistory(v, time.Time{})
	if err == nil {
		props, err = p.Append(nil)
	}
	var leaving <-chan struct{}
	if l, ok := m.from.(*laned); ok {
		leaving = l.share.leaving
	}
	if err != nil {
		m.Requeue()
		return
	}
	if !m.tap.sleep(time.Until(v.due), leaving) {
		m.letGo()
		return
	}
	if m.settled.CompareAndSwap(0, acked) {
		m.tap.again(m.mark, arrival{props: props, body: m.raw(), redelivered: true, from: m.from, tag: m.tag})
	}
}

// sleep reports whether d went by before the tap was stopped or its share of the messages was to go to another.
func (t *tap) sleep(d time.Duration, leaving <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ending:
		return false
	case <-leaving:
		return false
	}
}

// again hands a message out once more that was handed out and is not settled.
func (t *tap) again(m mark, a arrival) {
	t.passRepeats(m, passedOn)
	t.hand([]arrival{a})
	t.ready()
	t.less(1)
}

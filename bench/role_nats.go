package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/postrider-mq/postrider/internal/measure"
)

// What the two sides call each other.
const (
	natsSubject = "bench"
	natsCredit  = "bench.credit"
	natsQueue   = "workers"
)

// NATS core has no back-pressure: who is faster than the receiver has its messages dropped. So the receiver tells from time to
// time how many it has, in a message of its own, and the sender is never more than the window ahead. AMQP without confirms and
// acknowledgements does the same, see role_wire.go.
type receipts struct {
	each, told uint64
}

func newReceipts(o order) receipts { return receipts{each: uint64(max(1, o.Window/8))} }

// near tells whether due may say more than "not yet".
func (r *receipts) near(count uint64, last bool) bool { return last || count-r.told >= r.each }

// due returns how many messages are to be told of, 0 for not yet.
func (r *receipts) due(count uint64, last bool) (n uint64) {
	if !r.near(count, last) {
		return 0
	}
	n = count - r.told
	r.told = count
	return n
}

// natsReceiver takes messages in a queue group, or answers requests.
type natsReceiver struct {
	order  order
	conn   *nats.Conn
	ending ending
	calls  *audits

	mu       sync.Mutex // of what follows: each subscription has a goroutine
	all      []*arrivals
	receipts receipts
}

func (r *natsReceiver) prepare(o order) (_ string, err error) {
	r.order, r.ending, r.calls, r.receipts = o, newEnding(), newAudits(o.Body, o.Callers), newReceipts(o)
	lost := func(c *nats.Conn, err error) {
		r.ending.fail(fmt.Errorf("the server has ended the connection: %w", err))
	}
	if r.conn, err = nats.Connect(o.Broker, nats.NoReconnect(), nats.DisconnectErrHandler(lost)); err != nil {
		return "", err
	}
	for range max(1, o.Queues) {
		if err := r.subscribe(); err != nil {
			return "", err
		}
	}
	return "", r.conn.FlushTimeout(10 * time.Second)
}

func (r *natsReceiver) subscribe() (err error) {
	take := r.answer
	if r.order.Post {
		take = r.taker()
	}
	var s *nats.Subscription
	if r.order.Mailbox != "" {
		s, err = r.conn.QueueSubscribe(natsSubject, natsQueue, take)
	} else {
		s, err = r.conn.Subscribe(natsSubject, take)
	}
	if err != nil {
		return err
	}
	return s.SetPendingLimits(-1, -1) // the window is the limit
}

func (r *natsReceiver) answer(m *nats.Msg) {
	_, _, err := r.calls.check(m.Data)
	if err == nil {
		err = m.Respond(m.Data)
	}
	if err != nil {
		r.ending.fail(err)
	}
}

// taker takes the messages of one subscription. The slowest of many is the one whose messages are told of.
func (r *natsReceiver) taker() nats.MsgHandler {
	arrivals := newArrivals(r.order)
	r.all = append(r.all, arrivals)
	return func(m *nats.Msg) {
		r.mu.Lock()
		defer r.mu.Unlock()
		last, err := arrivals.add(m.Data)
		slowest := arrivals.audit.count
		if len(r.all) > 1 && r.receipts.near(slowest, last) {
			for _, a := range r.all {
				slowest = min(slowest, a.audit.count)
			}
		}
		whole := last && slowest == arrivals.audit.count
		if n := r.receipts.due(slowest, whole); err == nil && n > 0 {
			err = r.conn.Publish(natsCredit, binary.LittleEndian.AppendUint64(nil, n))
		}
		if whole {
			for _, other := range r.all[1:] {
				r.all[0].latency.Merge(other.latency)
			}
			r.all[0].multiply(uint64(len(r.all)))
		}
		r.ending.took(r.all[0], whole, err)
	}
}

// multiply makes of one subscription's arrivals those of all, which have the same.
func (a *arrivals) multiply(by uint64) {
	a.audit.count *= by
	for i := range a.progress {
		a.progress[i].Count *= by
	}
}

func (r *natsReceiver) work(stop <-chan struct{}) (tally, error) {
	if r.order.Post {
		return r.ending.wait(stop)
	}
	select {
	case err := <-r.ending.fault:
		return tally{}, err
	case <-stop:
		return tally{Messages: r.calls.count.Load()}, nil
	}
}

func (r *natsReceiver) close() error { return closeNATS(r.conn) }

// natsSender publishes, or requests.
type natsSender struct {
	order order
	conn  *nats.Conn
}

func (s *natsSender) prepare(o order) (_ string, err error) {
	s.order = o
	s.conn, err = nats.Connect(o.Broker)
	return "", err
}

func (s *natsSender) work(<-chan struct{}) (tally, error) {
	if s.order.Post {
		return s.publish()
	}
	return ask(s.order, func(int) (trip, error) {
		return func(body []byte) ([]byte, error) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			m, err := s.conn.RequestWithContext(ctx, natsSubject, body)
			if err != nil {
				return nil, err
			}
			return m.Data, nil
		}, nil
	})
}

func (s *natsSender) publish() (tally, error) {
	ahead := newCredit(s.order.Window)
	told, err := s.conn.Subscribe(natsCredit, func(m *nats.Msg) { ahead.give(int(binary.LittleEndian.Uint64(m.Data))) })
	if err != nil {
		return tally{}, err
	}
	defer told.Unsubscribe()
	if err := s.conn.FlushTimeout(10 * time.Second); err != nil {
		return tally{}, err
	}
	watch := newStopwatch(s.order)
	err = stream(s.order, measure.NewPace(float64(s.order.Rate)), watch, func(body []byte) error {
		if err := ahead.take(nil); err != nil { // the connection flushes by itself
			return err
		}
		return s.conn.Publish(natsSubject, body)
	})
	if err == nil {
		err = ahead.drain(s.order.Window)
	}
	if err != nil {
		return tally{}, err
	}
	if s.order.Fanout { // what counts is what arrives
		watch.tally.Messages *= uint64(s.order.Queues)
		watch.tally.Measured *= uint64(s.order.Queues)
	}
	return watch.stop()
}

func (s *natsSender) close() error { return closeNATS(s.conn) }

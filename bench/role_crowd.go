package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// A crowd is many connections that publish into one queue, one that publishes into many queues in turn, or one that publishes into an
// exchange from which each of many queues gets a copy. On the other side one connection consumes from all queues, and acknowledges.
//
//	connections   who sent a message is in its number
//	queues        which queue it is for is
//	fan-out       each queue gets all
//
// The last message of each sender, and in each queue, says that it is.

func crowdQueue(o order, i int) string { return o.Mailbox + "-" + strconv.Itoa(i) }

func (o order) crowd() int { return max(o.Connections, o.Queues) }

const fanout = "amq.fanout"

// crowdReceiver has all queues.
type crowdReceiver struct {
	order order
	wire  *wire
}

func (r *crowdReceiver) prepare(o order) (string, error) {
	r.order = o
	at, err := client.ParseURL(o.Broker)
	if err != nil {
		return "", err
	}
	if r.wire, err = openWire(context.Background(), at, nil); err != nil {
		return "", err
	}
	each := max(10, o.Prefetch/o.Queues)
	if err := r.wire.call(1, &amqp.BasicQos{PrefetchCount: uint16(each)}, amqp.BasicQosOkID); err != nil {
		return "", err
	}
	for i := range o.Queues {
		q := crowdQueue(o, i)
		if err := r.wire.call(1, &amqp.QueueDeclare{Queue: q, Exclusive: true}, amqp.QueueDeclareOkID); err != nil {
			return "", err
		}
		if o.Fanout {
			if err := r.wire.call(1, &amqp.QueueBind{Queue: q, Exchange: fanout}, amqp.QueueBindOkID); err != nil {
				return "", err
			}
		}
		if err := r.wire.call(1, &amqp.BasicConsume{Queue: q, ConsumerTag: strconv.Itoa(i)}, amqp.BasicConsumeOkID); err != nil {
			return "", err
		}
	}
	return "", nil
}

func (r *crowdReceiver) work(<-chan struct{}) (tally, error) {
	audits, arrivals := newAudits(r.order.Body, r.order.crowd()), newArrivals(r.order)
	in := r.wire.methods()
	var got, acked uint64
	for lasts := 0; lasts < r.order.crowd(); {
		if got-acked >= uint64(r.order.Prefetch/4) || got > acked && !in.more() {
			acked = got
			r.wire.put(1, &amqp.BasicAck{DeliveryTag: got, Multiple: true})
			if err := r.wire.flush(); err != nil {
				return tally{}, err
			}
		}
		d, err := in.delivery()
		if err != nil {
			return tally{}, err
		}
		got++
		who := 0
		if r.order.Fanout {
			if who, err = strconv.Atoi(string(d.consumer)); err != nil {
				return tally{}, err
			}
		}
		sent, last, err := audits.checkFor(uint64(who), d.body)
		if err != nil {
			return tally{}, err
		}
		arrivals.note(sent, got)
		if last {
			lasts++
		}
	}
	arrivals.audit.count = got
	return arrivals.stop()
}

// more tells whether a whole frame has been read already.
func (m *methods) more() bool {
	_, _, ok, err := amqp.ParseFrame(m.rest, 0)
	return ok || err != nil
}

func (r *crowdReceiver) close() error {
	if r.wire != nil {
		r.wire.close()
	}
	return nil
}

// crowdSender has all connections that publish, each with a part of the window.
type crowdSender struct {
	order order
	wires []*wire
}

func (s *crowdSender) prepare(o order) (string, error) {
	s.order = o
	at, err := client.ParseURL(o.Broker)
	if err != nil {
		return "", err
	}
	for i := range o.Connections {
		w, err := openWire(context.Background(), at, loopback(i))
		if err != nil {
			return "", fmt.Errorf("connection %d of %d: %w", i+1, o.Connections, err)
		}
		s.wires = append(s.wires, w)
		if err := w.call(1, &amqp.ConfirmSelect{}, amqp.ConfirmSelectOkID); err != nil {
			return "", err
		}
	}
	return "", nil
}

// loopback is an address of this machine for the connection of that number: a broker may bound how many come from one.
func loopback(i int) net.IP { return net.IPv4(127, 0, byte(1+i/perAddress), 1) }

func (s *crowdSender) work(<-chan struct{}) (tally, error) {
	found, errs := make([]*stopwatch, len(s.wires)), make([]error, len(s.wires))
	var all sync.WaitGroup
	for i, w := range s.wires {
		found[i] = newStopwatch(s.order)
		all.Go(func() { errs[i] = s.publish(i, w, found[i]) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return tally{}, err
	}
	sum := found[0]
	for _, w := range found[1:] {
		sum.tally.add(w.tally)
	}
	if s.order.Fanout { // what counts is what arrives
		sum.tally.Messages *= uint64(s.order.Queues)
		sum.tally.Measured *= uint64(s.order.Queues)
	}
	return sum.stop()
}

// crowdWindow is what each connection may have unconfirmed at least.
const crowdWindow = 100

// publish is one connection.
func (s *crowdSender) publish(who int, w *wire, watch *stopwatch) error {
	window := uint64(max(crowdWindow, s.order.Window/s.order.Connections))
	unconfirmed := confirms{in: w.methods()}
	body := make([]byte, s.order.Body)
	targets := s.order.Queues
	if s.order.Fanout {
		targets = 1
	}
	put := func(n uint64, sent int64, last bool) {
		number, key := uint64(who)<<ownPart|n, crowdQueue(s.order, 0)
		if targets > 1 {
			q := n % uint64(targets)
			number, key = q<<ownPart|n/uint64(targets), crowdQueue(s.order, int(q))
		}
		writeBody(body, number, sent, last)
		exchange := ""
		if s.order.Fanout {
			exchange = fanout
		}
		w.message(exchange, key, body)
		watch.sent()
		unconfirmed.sent++
	}
	lasts := 0
	for n := uint64(0); lasts < targets; n++ {
		sent := int64(0)
		if n%measure.TimedEach == 0 || lasts > 0 {
			t := measure.Now()
			if over := watch.tick(t); watch.warmedUp() {
				sent = t
				if over && n%uint64(targets) == 0 || lasts > 0 { // one more into each queue
					lasts++
				}
			}
		}
		put(n, sent, lasts > 0)
		if unconfirmed.left() < window && len(w.out) < streamBuffer && lasts < targets {
			continue
		}
		if err := w.flush(); err != nil {
			return err
		}
		if err := unconfirmed.await(window / 2); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	return unconfirmed.await(0)
}

func (s *crowdSender) close() error {
	for _, w := range s.wires {
		w.close()
	}
	return nil
}

// confirms counts those of one channel, which may come out of order.
type confirms struct {
	in    *methods
	sent  uint64
	low   uint64 // all up to this one are confirmed
	above map[uint64]bool
}

func (c *confirms) left() uint64 { return c.sent - c.low - uint64(len(c.above)) }

// await reads until no more than so many are left.
func (c *confirms) await(left uint64) error {
	for c.left() > left {
		f, err := c.in.next(amqp.BasicAckID)
		if err != nil {
			return err
		}
		m, err := amqp.ParseMethod(f.Payload, nil)
		if err != nil {
			return err
		}
		ack := m.(*amqp.BasicAck)
		c.confirm(ack.DeliveryTag, ack.Multiple)
	}
	return nil
}

func (c *confirms) confirm(tag uint64, multiple bool) {
	if c.above == nil {
		c.above = make(map[uint64]bool)
	}
	if multiple {
		c.low = max(c.low, tag)
		for t := range c.above {
			if t <= c.low {
				delete(c.above, t)
			}
		}
	} else {
		c.above[tag] = true
	}
	for c.above[c.low+1] {
		c.low++
		delete(c.above, c.low)
	}
}

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// wireSender publishes without confirms and wireReceiver consumes without acknowledgements: the least that AMQP can do, in as few
// instructions as possible, so that the broker is what is measured. The receiver says in a queue of its own how many it has, and
// the sender is never more than the window ahead.
type wireSender struct {
	order order
	wire  *wire
	told  *wire // by the receiver
}

// openWireTo is openWire with a URL, and a queue that is there.
func openWireTo(o order, from net.IP) (*wire, error) {
	at, err := client.ParseURL(o.Broker)
	if err != nil {
		return nil, err
	}
	w, err := openWire(context.Background(), at, from)
	if err != nil || o.Declared {
		return w, err
	}
	return w, w.call(1, &amqp.QueueDeclare{Queue: o.Mailbox, Durable: true}, amqp.QueueDeclareOkID)
}

func (s *wireSender) prepare(o order) (_ string, err error) {
	s.order = o
	if s.wire, err = openWireTo(o, nil); err != nil {
		return "", err
	}
	if s.told, err = openWireTo(o, nil); err != nil {
		return "", err
	}
	if err := s.told.call(1, &amqp.QueueDeclare{Queue: o.Mailbox + creditSuffix, AutoDelete: true}, amqp.QueueDeclareOkID); err != nil {
		return "", err
	}
	return "", s.told.call(1, &amqp.BasicConsume{Queue: o.Mailbox + creditSuffix, ConsumerTag: "credit", NoAck: true}, amqp.BasicConsumeOkID)
}

// creditSuffix names the queue in which the receiver says how many messages it has.
const creditSuffix = "-credit"

func (s *wireSender) work(<-chan struct{}) (tally, error) {
	ahead := newCredit(s.order.Window)
	go func() {
		in := s.told.methods()
		for {
			d, err := in.delivery()
			if err != nil {
				ahead.fail(err)
				return
			}
			ahead.give(int(binary.LittleEndian.Uint64(d.body)))
		}
	}()
	watch, pace := newStopwatch(s.order), measure.NewPace(float64(s.order.Rate))
	pace.Idle = s.wire.flush
	err := stream(s.order, pace, watch, func(body []byte) error {
		if err := ahead.take(s.wire.flush); err != nil {
			return err
		}
		s.wire.message("", s.order.Mailbox, body)
		if len(s.wire.out) < streamBuffer {
			return nil
		}
		return s.wire.flush()
	})
	if err == nil {
		err = s.wire.flush()
	}
	if err == nil {
		err = ahead.drain(s.order.Window)
	}
	if err != nil {
		return tally{}, err
	}
	return watch.stop()
}

func (s *wireSender) close() error {
	for _, w := range []*wire{s.wire, s.told} {
		if w != nil {
			w.close()
		}
	}
	return nil
}

// transientProps are the properties of a message that need not survive its broker.
var transientProps = amqp.RawProperties{0x10, 0, 1}

// message adds a transient message to what the next flush sends.
func (w *wire) message(exchange, key string, body []byte) {
	w.put(1, &amqp.BasicPublish{Exchange: exchange, RoutingKey: key})
	w.out = amqp.AppendHeaderFrame(w.out, 1, uint16(amqp.BasicPublishID>>16), uint64(len(body)), transientProps)
	w.out = amqp.AppendBodyFrames(w.out, 1, body, wireFrame)
}

type wireReceiver struct {
	order order
	wire  *wire
}

func (r *wireReceiver) prepare(o order) (_ string, err error) {
	r.order = o
	if r.wire, err = openWireTo(o, nil); err != nil {
		return "", err
	}
	return "", r.wire.call(1, &amqp.BasicConsume{Queue: o.Mailbox, ConsumerTag: "bench", NoAck: true}, amqp.BasicConsumeOkID)
}

func (r *wireReceiver) work(<-chan struct{}) (tally, error) {
	arrivals, receipts := newArrivals(r.order), newReceipts(r.order)
	in := r.wire.methods()
	for {
		d, err := in.delivery()
		if err != nil {
			return tally{}, err
		}
		last, err := arrivals.add(d.body)
		if err != nil {
			return tally{}, err
		}
		if n := receipts.due(arrivals.audit.count, last); n > 0 {
			r.wire.message("", r.order.Mailbox+creditSuffix, binary.LittleEndian.AppendUint64(nil, n))
			if err := r.wire.flush(); err != nil {
				return tally{}, err
			}
		}
		if last {
			return arrivals.stop()
		}
	}
}

func (r *wireReceiver) close() error {
	if r.wire != nil {
		r.wire.close()
	}
	return nil
}

// A delivery is one message; what it points to is valid until the next one is read.
type delivery struct {
	consumer []byte
	body     []byte
}

// delivery reads on to the end of the next message.
func (m *methods) delivery() (d delivery, err error) {
	f, err := m.next(amqp.BasicDeliverID)
	if err != nil {
		return d, err
	}
	if len(f.Payload) < 5 || len(f.Payload) < 5+int(f.Payload[4]) {
		return d, fmt.Errorf("a delivery of %d bytes", len(f.Payload))
	}
	m.tag = append(m.tag[:0], f.Payload[5:][:f.Payload[4]]...)
	d.consumer = m.tag
	if f, err = m.frame(amqp.FrameHeader); err != nil {
		return d, err
	}
	if len(f.Payload) < 12 {
		return d, fmt.Errorf("a header of %d bytes", len(f.Payload))
	}
	size := int(binary.BigEndian.Uint64(f.Payload[4:]))
	m.body = m.body[:0]
	for len(m.body) < size {
		if f, err = m.frame(amqp.FrameBody); err != nil {
			return d, err
		}
		if len(f.Payload) == size {
			d.body = f.Payload
			return d, nil
		}
		m.body = append(m.body, f.Payload...)
	}
	d.body = m.body
	return d, nil
}

func (m *methods) frame(want byte) (amqp.Frame, error) {
	for {
		rest, f, ok, err := amqp.ParseFrame(m.rest, 0)
		switch {
		case err != nil:
			return f, err
		case !ok:
			if err := m.read(); err != nil {
				return f, err
			}
			continue
		}
		m.rest = rest
		if f.Type == amqp.FrameHeartbeat {
			continue
		}
		if f.Type != want {
			return f, fmt.Errorf("the broker sent a frame of type %d, not %d", f.Type, want)
		}
		return f, nil
	}
}

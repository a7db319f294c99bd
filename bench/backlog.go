package main

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/measure"
)

// A backlog is a queue that nobody consumes from while it is filled, and then somebody does until it is empty.
type backlogFigures struct {
	Length   int
	Fill     float64 // messages a second, confirmed
	Drain    float64 // messages a second, acknowledged
	Resident uint64  // of the process while the queue is longest
}

// shortBacklog is how many messages a slow broker is filled with.
const shortBacklog = 200_000

// backlogWindow is how many publishes may wait for their confirm, and backlogPrefetch how many deliveries for their acknowledgement.
const (
	backlogWindow   = 20_000
	backlogPrefetch = 2000
)

// lengths go up to the whole backlog.
func (s scale) lengths() (all []int) {
	for n := 1000; n < s.Backlog; n *= 10 {
		all = append(all, n)
	}
	return append(all, s.Backlog)
}

// backlog fills and drains one queue, for each of the lengths.
func (s scale) backlog(t *scaleTarget, persistent bool, all *[]backlogFigures) error {
	for _, n := range s.lengths() {
		f := backlogFigures{Length: n}
		if err := s.fillAndDrain(t, persistent, n, &f); err != nil {
			return err
		}
		*all = append(*all, f)
	}
	return nil
}

// longest is the last of them, zero if none was measured.
func longest(all []backlogFigures) (f backlogFigures) {
	if len(all) > 0 {
		f = all[len(all)-1]
	}
	return f
}

func (s scale) fillAndDrain(t *scaleTarget, persistent bool, n int, f *backlogFigures) error {
	w, err := openWire(t.ctx, t.at, nil)
	if err != nil {
		return err
	}
	defer w.close()
	if err := declareQueues(w, 1, true); err != nil {
		return err
	}
	began := time.Now()
	if err := w.fill(scaleName(0), n, persistent); err != nil {
		return fmt.Errorf("filling: %w", err)
	}
	f.Fill = float64(n) / time.Since(began).Seconds()
	if err := sleep(t.ctx, s.Settle); err != nil {
		return err
	}
	f.Resident = measure.Resident(t.pid)
	began = time.Now()
	if err := w.drain(scaleName(0), n); err != nil {
		return fmt.Errorf("draining: %w", err)
	}
	f.Drain = float64(n) / time.Since(began).Seconds()
	return deleteQueues(w, 1)
}

// fill publishes n messages and waits until the last is confirmed.
func (w *wire) fill(queue string, n int, persistent bool) error {
	return w.fillWith(queue, n, persistent, make([]byte, usualBody))
}

// fillWith is fill with messages that have this body.
func (w *wire) fillWith(queue string, n int, persistent bool, body []byte) error {
	if err := w.call(1, &amqp.ConfirmSelect{}, amqp.ConfirmSelectOkID); err != nil {
		return err
	}
	props := amqp.RawProperties{0x10, 0, 1}
	if persistent {
		props[2] = 2
	}
	in, confirmed := w.methods(), 0
	for sent := 0; confirmed < n; {
		for sent < n && sent-confirmed < backlogWindow {
			for range min(500, n-sent) {
				w.put(1, &amqp.BasicPublish{RoutingKey: queue})
				w.out = amqp.AppendHeaderFrame(w.out, 1, uint16(amqp.BasicPublishID>>16), uint64(len(body)), props)
				w.out = amqp.AppendBodyFrames(w.out, 1, body, wireFrame)
				sent++
			}
			if err := w.flush(); err != nil {
				return err
			}
		}
		f, err := in.next(amqp.BasicAckID)
		if err != nil {
			return err
		}
		m, err := amqp.ParseMethod(f.Payload, nil)
		if err != nil {
			return err
		}
		confirmed = int(m.(*amqp.BasicAck).DeliveryTag)
	}
	return nil
}

// drain consumes n messages and waits until the last acknowledgement was taken. Deliveries are the channel's first, so their tags
// are their number.
func (w *wire) drain(queue string, n int) error {
	if err := w.call(1, &amqp.BasicQos{PrefetchCount: backlogPrefetch}, amqp.BasicQosOkID); err != nil {
		return err
	}
	w.put(1, &amqp.BasicConsume{Queue: queue, ConsumerTag: "drain", NoWait: true})
	if err := w.flush(); err != nil {
		return err
	}
	in := w.methods()
	for got := 1; got <= n; got++ {
		if _, err := in.next(amqp.BasicDeliverID); err != nil {
			return err
		}
		if got%(backlogPrefetch/4) == 0 || got == n {
			w.put(1, &amqp.BasicAck{DeliveryTag: uint64(got), Multiple: true})
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return w.call(1, &amqp.BasicCancel{ConsumerTag: "drain"}, amqp.BasicCancelOkID)
}

// methods reads the frames of a busy connection.
type methods struct {
	w    *wire
	buf  []byte
	rest []byte // of buf
	tag  []byte // of the last delivery, and its body if that came in pieces
	body []byte
}

func (w *wire) methods() *methods {
	m := &methods{w: w, buf: make([]byte, 256<<10)}
	m.rest, w.in = append(m.buf[:0], w.in...), nil
	return m
}

// next returns the next method, which must be the one given. It is valid until the next call.
func (m *methods) next(want amqp.MethodID) (amqp.Frame, error) {
	for {
		rest, f, ok, err := amqp.ParseFrame(m.rest, 0)
		if err != nil {
			return f, err
		}
		if !ok {
			if err := m.read(); err != nil {
				return f, err
			}
			continue
		}
		m.rest = rest
		if f.Type != amqp.FrameMethod {
			continue
		}
		if id := amqp.MethodID(binary.BigEndian.Uint32(f.Payload)); id != want {
			return f, fmt.Errorf("the broker sent %v, not %v", id, want)
		}
		return f, nil
	}
}

func (m *methods) read() error {
	kept := copy(m.buf, m.rest)
	m.w.conn.SetReadDeadline(time.Now().Add(wireTimeout))
	n, err := m.w.conn.Read(m.buf[kept:])
	m.rest = m.buf[:kept+n]
	return err
}

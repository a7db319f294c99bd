package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// What a broker costs when nothing happens, and when there is much of everything. These are no rows: nothing is
// timed but the start, and each figure is taken once.

// A scale says how much of everything.
type scale struct {
	Connections, Queues, Bindings, Messages, Backlog int
	Ready                                            int           // messages that a broker finds when it starts
	Idle                                             time.Duration // how long a broker is watched that has nothing to do
	Settle                                           time.Duration // how long it gets to finish what is in the making, before memory is looked at
}

func (f *flags) scale() scale {
	if f.quick {
		return scale{Connections: 1000, Queues: 1000, Bindings: 10_000, Messages: 5000, Backlog: 500_000, Ready: 100_000, Idle: time.Second, Settle: time.Second}
	}
	return scale{Connections: 10_000, Queues: 10_000, Bindings: 100_000, Messages: 50_000, Backlog: 10_000_000, Ready: 1_000_000, Idle: 10 * time.Second, Settle: 2 * time.Second}
}

// scaleFigures are those of one broker. Memory is resident memory, in bytes; each is what one more costs.
type scaleFigures struct {
	Start      time.Duration `json:",omitempty"` // until it answers; 0 for a broker that was running
	Idle       uint64        // resident before the rest
	IdleCPU    float64       // part of one CPU
	Connection float64
	Transient  float64 // a queue
	Durable    float64 // a queue
	Binding    float64
	FewMatched float64 // messages a second through an exchange with a hundredth of the bindings
	AllMatched float64 // with all

	PersistentBacklog, TransientBacklog backlogFigures

	Recovery recoveryFigures // zero for a broker that was running
}

// A scaleTarget is a broker to be measured: a fresh one of ours for each figure, or the one of -amqp.
type scaleTarget struct {
	at    client.Address
	pid   int
	start time.Duration
	stop  func()
}

// targets returns a broker to measure; stop must be called.
type targets func() (*scaleTarget, error)

func ownTargets(ctx context.Context, s setting) targets {
	return func() (*scaleTarget, error) {
		dir, err := os.MkdirTemp(s.Dir, "postrider-bench-")
		if err != nil {
			return nil, err
		}
		began := time.Now()
		p, address, err := startProcess(ctx, order{Role: roleBroker, Dir: dir})
		stop := func() {
			if p != nil {
				p.kill()
			}
			os.RemoveAll(dir)
		}
		if err != nil {
			stop()
			return nil, err
		}
		at, err := client.ParseURL("amqp://" + address)
		if err != nil {
			stop()
			return nil, err
		}
		return &scaleTarget{at: at, pid: p.command.Process.Pid, start: time.Since(began), stop: stop}, nil
	}
}

func foreignTargets(s setting) targets {
	return func() (*scaleTarget, error) {
		at, err := client.ParseURL(s.AMQP)
		if err != nil {
			return nil, err
		}
		return &scaleTarget{at: at, pid: listenerOn(at.Host), stop: func() {}}, nil
	}
}

// measure takes all figures of one broker.
func (s scale) measure(open targets) (f scaleFigures, err error) {
	steps := []func(*scaleTarget, *scaleFigures) error{
		s.rest,
		s.connections,
		func(t *scaleTarget, f *scaleFigures) error { return s.queues(t, false, &f.Transient) },
		func(t *scaleTarget, f *scaleFigures) error { return s.queues(t, true, &f.Durable) },
		s.bindings,
		func(t *scaleTarget, f *scaleFigures) error { return s.backlog(t, true, &f.PersistentBacklog) },
		func(t *scaleTarget, f *scaleFigures) error { return s.backlog(t, false, &f.TransientBacklog) },
	}
	for _, step := range steps {
		t, err := open()
		if err != nil {
			return f, err
		}
		err = step(t, &f)
		t.stop()
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// rest looks at a broker that has nothing to do.
func (s scale) rest(t *scaleTarget, f *scaleFigures) error {
	f.Start = t.start
	time.Sleep(s.Settle)
	before := cpuSecondsOf(t.pid)
	time.Sleep(s.Idle)
	f.IdleCPU = (cpuSecondsOf(t.pid) - before) / s.Idle.Seconds()
	f.Idle = resident(t.pid)
	return nil
}

// perAddress is how many connections come from one address.
const perAddress = 500

func (s scale) connections(t *scaleTarget, f *scaleFigures) error {
	before := resident(t.pid)
	wires := make([]*wire, 0, s.Connections)
	defer func() {
		for _, w := range wires {
			w.close()
		}
	}()
	for i := range s.Connections {
		w, err := openWire(t.at, loopback(i))
		if err != nil {
			return fmt.Errorf("connection %d of %d: %w", i+1, s.Connections, err)
		}
		wires = append(wires, w)
	}
	f.Connection = s.growth(t.pid, before, s.Connections)
	return nil
}

// growth is what each of n things added to a process's resident memory.
func (s scale) growth(pid int, before uint64, n int) float64 {
	time.Sleep(s.Settle)
	return max(0, float64(resident(pid))-float64(before)) / float64(n)
}

func scaleName(i int) string { return fmt.Sprintf("postrider-bench-%d-%d", os.Getpid(), i) }

func (s scale) queues(t *scaleTarget, durable bool, each *float64) error {
	w, err := openWire(t.at, nil)
	if err != nil {
		return err
	}
	defer w.close()
	before := resident(t.pid)
	if err := declareQueues(w, s.Queues, durable); err != nil {
		return err
	}
	*each = s.growth(t.pid, before, s.Queues)
	return deleteQueues(w, s.Queues)
}

func declareQueues(w *wire, n int, durable bool) error {
	for i := range n {
		declare := &amqp.QueueDeclare{Queue: scaleName(i), Durable: durable}
		if err := w.call(1, declare, amqp.QueueDeclareOkID); err != nil {
			return err
		}
	}
	return nil
}

func deleteQueues(w *wire, n int) error {
	for i := range n {
		if err := w.call(1, &amqp.QueueDelete{Queue: scaleName(i)}, amqp.QueueDeleteOkID); err != nil {
			return err
		}
	}
	return nil
}

// bindings are to one topic exchange, of 1,000 queues.
func (s scale) bindings(t *scaleTarget, f *scaleFigures) error {
	w, err := openWire(t.at, nil)
	if err != nil {
		return err
	}
	defer w.close()
	const queues = 1000
	exchange := scaleName(0)
	if err := declareQueues(w, queues, false); err != nil {
		return err
	}
	if err := w.call(1, &amqp.ExchangeDeclare{Exchange: exchange, Type: "topic"}, amqp.ExchangeDeclareOkID); err != nil {
		return err
	}
	before := resident(t.pid)
	few := s.Bindings / 100
	if err := bind(w, exchange, 0, few, queues); err != nil {
		return err
	}
	if f.FewMatched, err = s.match(w, exchange, few); err != nil {
		return err
	}
	if err := bind(w, exchange, few, s.Bindings, queues); err != nil {
		return err
	}
	f.Binding = s.growth(t.pid, before, s.Bindings)
	if f.AllMatched, err = s.match(w, exchange, s.Bindings); err != nil {
		return err
	}
	if err := w.call(1, &amqp.ExchangeDelete{Exchange: exchange}, amqp.ExchangeDeleteOkID); err != nil {
		return err
	}
	return deleteQueues(w, queues)
}

func bind(w *wire, exchange string, from, to, queues int) error {
	for i := from; i < to; i++ {
		b := &amqp.QueueBind{Queue: scaleName(i % queues), Exchange: exchange, RoutingKey: fmt.Sprintf("a%d.*.b%d.#", i%1000, i)}
		if err := w.call(1, b, amqp.QueueBindOkID); err != nil {
			return err
		}
	}
	return nil
}

// match publishes messages that each match one of the bindings, and returns how many a second.
func (s scale) match(w *wire, exchange string, bindings int) (float64, error) {
	began := time.Now()
	for i := range s.Messages {
		n := i * 7919 % bindings
		w.publish(exchange, fmt.Sprintf("a%d.x.b%d.y.z", n%1000, n))
		if i%500 == 499 {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	// The channel answers when everything before was routed.
	last := &amqp.ExchangeDeclare{Exchange: exchange, Passive: true}
	if err := w.call(1, last, amqp.ExchangeDeclareOkID); err != nil {
		return 0, err
	}
	return float64(s.Messages) / time.Since(began).Seconds(), nil
}

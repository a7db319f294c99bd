package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// What a broker costs when nothing happens, and when there is much of everything. These are no rows: nothing is
// timed but the start, and each figure is taken once.

// A scale says how much of everything.
type scale struct {
	Connections, Queues, Bindings, Messages, Backlog int           // none: the target is looked at while it rests, and no more
	Peers                                            int           // of a node; 0 for others' brokers
	Ready                                            int           // messages that a broker finds when it starts
	Idle                                             time.Duration // how long a broker is watched that has nothing to do
	Settle                                           time.Duration // how long it gets to finish what is in the making, before memory is looked at
}

func (f *flags) scale() scale {
	if f.quick {
		return scale{Connections: 200, Queues: 200, Bindings: 1000, Messages: 1000, Backlog: 20_000, Peers: 100, Ready: 20_000, Idle: 200 * time.Millisecond, Settle: 200 * time.Millisecond}
	}
	return scale{Connections: 10_000, Queues: 10_000, Bindings: 100_000, Messages: 50_000, Backlog: 10_000_000, Peers: 1000, Ready: 1_000_000, Idle: 10 * time.Second, Settle: 2 * time.Second}
}

// foreign is for brokers that would take hours for ours.
func (s scale) foreign() scale {
	s.Connections, s.Queues, s.Bindings = min(s.Connections, 1000), min(s.Queues, 1000), min(s.Bindings, 10_000)
	s.Messages, s.Backlog, s.Peers, s.Ready = min(s.Messages, 10_000), min(s.Backlog, shortBacklog), 0, 0
	return s
}

// atRest is for those that do not speak AMQP.
func (s scale) atRest() scale { return scale{Idle: s.Idle, Settle: s.Settle} }

// scaleFigures are those of one broker. Memory is resident memory, in bytes; each is what one more costs.
type scaleFigures struct {
	Start      time.Duration `json:",omitempty"` // until it answers; 0 for a broker that was running
	Idle       uint64        // resident before the rest
	IdleOwn    uint64        // of that, what is no page of a file: programs are mapped, and the system can take their pages back
	IdleCPU    float64       // part of one CPU
	Connection float64
	Peer       float64 // of a node
	Transient  float64 // a queue
	Durable    float64 // a queue
	Binding    float64
	FewMatched float64 // messages a second through an exchange with a hundredth of the bindings
	AllMatched float64 // with all

	Persistent, NotPersistent []backlogFigures // by length

	Recovery recoveryFigures // zero for a broker that was running
}

// A scaleTarget is a broker to be measured, for as long as ctx is.
type scaleTarget struct {
	ctx   context.Context
	at    client.Address // of an AMQP broker
	pid   int
	start time.Duration
	stop  func()
}

// targets returns a broker to measure, a fresh one each time if it can; its stop must be called.
type targets func(ctx context.Context) (*scaleTarget, error)

// freshTargets are brokers that are started for each figure.
func freshTargets(s setting, o order) targets {
	return func(ctx context.Context) (*scaleTarget, error) {
		dir, err := os.MkdirTemp(s.Dir, "postrider-bench-")
		if err != nil {
			return nil, err
		}
		o.Dir, o.Program = dir, s.programs[needs[o.Role]]
		p, address, err := startProcess(ctx, o)
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
		t := &scaleTarget{ctx: ctx, pid: p.pid, start: p.took, stop: stop}
		if o.Role == roleBroker {
			if t.at, err = client.ParseURL("amqp://" + address); err != nil {
				stop()
				return nil, err
			}
		}
		return t, nil
	}
}

// runningTarget is the broker of -amqp or the RabbitMQ that was started for all rows.
func runningTarget(s setting, start time.Duration) targets {
	return func(ctx context.Context) (*scaleTarget, error) {
		at, err := client.ParseURL(s.AMQP)
		if err != nil {
			return nil, err
		}
		return &scaleTarget{ctx: ctx, at: at, pid: listenerOn(at.Host), start: start, stop: func() {}}, nil
	}
}

// stepTime bounds one step of the figures of a broker: the longest fills and drains ten million messages.
const stepTime = 4 * time.Minute

// measure takes all figures of one broker.
func (s scale) measure(ctx context.Context, open targets, f *scaleFigures) error {
	steps := []func(*scaleTarget, *scaleFigures) error{
		s.rest,
		s.connections,
		func(t *scaleTarget, f *scaleFigures) error { return s.queues(t, false, &f.Transient) },
		func(t *scaleTarget, f *scaleFigures) error { return s.queues(t, true, &f.Durable) },
		s.bindings,
		func(t *scaleTarget, f *scaleFigures) error { return s.backlog(t, true, &f.Persistent) },
		func(t *scaleTarget, f *scaleFigures) error { return s.backlog(t, false, &f.NotPersistent) },
	}
	if s.Connections == 0 {
		steps = steps[:1]
	}
	for _, step := range steps {
		if err := take(ctx, open, step, f); err != nil {
			return err
		}
	}
	return nil
}

func take(ctx context.Context, open targets, step func(*scaleTarget, *scaleFigures) error, f *scaleFigures) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepTime, fmt.Errorf("a step of it took more than %v", stepTime))
	defer cancel()
	t, err := open(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	if err := step(t, f); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// sleep is an error when ctx is done before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// peers connects nodes to a node.
func (s scale) peers(ctx context.Context) (each float64, err error) {
	h, address, err := startProcess(ctx, order{Role: "host"})
	if h != nil {
		defer h.kill()
	}
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, s.Settle); err != nil {
		return 0, err
	}
	before := measure.Resident(h.pid)
	g, _, err := startProcess(ctx, order{Role: "guests", Address: address, Callers: s.Peers})
	if g != nil {
		defer g.kill()
	}
	if err != nil {
		return 0, err
	}
	return s.growth(ctx, h.pid, before, s.Peers)
}

// rest looks at a broker that has nothing to do.
func (s scale) rest(t *scaleTarget, f *scaleFigures) error {
	f.Start = t.start
	if err := sleep(t.ctx, s.Settle); err != nil {
		return err
	}
	before := measure.CPUSeconds(t.pid)
	if err := sleep(t.ctx, s.Idle); err != nil {
		return err
	}
	f.IdleCPU = (measure.CPUSeconds(t.pid) - before) / s.Idle.Seconds()
	f.Idle, f.IdleOwn = measure.Resident(t.pid), measure.Own(t.pid)
	return nil
}

// perAddress is how many connections come from one address.
const perAddress = 500

func (s scale) connections(t *scaleTarget, f *scaleFigures) (err error) {
	before := measure.Resident(t.pid)
	wires := make([]*wire, 0, s.Connections)
	defer func() {
		for _, w := range wires {
			w.close()
		}
	}()
	for i := range s.Connections {
		w, err := openWire(t.ctx, t.at, loopback(i))
		if err != nil {
			return fmt.Errorf("connection %d of %d: %w", i+1, s.Connections, err)
		}
		wires = append(wires, w)
	}
	f.Connection, err = s.growth(t.ctx, t.pid, before, s.Connections)
	return err
}

// growth is what each of n things added to a process's resident memory.
func (s scale) growth(ctx context.Context, pid int, before uint64, n int) (float64, error) {
	if err := sleep(ctx, s.Settle); err != nil {
		return 0, err
	}
	return max(0, float64(measure.Resident(pid))-float64(before)) / float64(n), nil
}

func scaleName(i int) string { return fmt.Sprintf("postrider-bench-%d-%d", os.Getpid(), i) }

func (s scale) queues(t *scaleTarget, durable bool, each *float64) error {
	w, err := openWire(t.ctx, t.at, nil)
	if err != nil {
		return err
	}
	defer w.close()
	before := measure.Resident(t.pid)
	if err := declareQueues(w, s.Queues, durable); err != nil {
		return err
	}
	if *each, err = s.growth(t.ctx, t.pid, before, s.Queues); err != nil {
		return err
	}
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
	w, err := openWire(t.ctx, t.at, nil)
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
	before := measure.Resident(t.pid)
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
	if f.Binding, err = s.growth(t.ctx, t.pid, before, s.Bindings); err != nil {
		return err
	}
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

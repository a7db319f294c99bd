package sim

import (
	"slices"
	"strconv"

	"github.com/postrider-mq/postrider/amqp"
)

// queueState is what clients know of a queue.
type queueState struct {
	QueueSpec
	policyState
	index int

	stable   bool // it is there, with its bindings, and nobody is changing that
	changes  int  // of that
	changing int  // questions under way that end it

	disturbed bool // something went back to it: what comes may be marked as redelivered
	asked     bool // somebody asked this process of the broker for messages of it
	cleared   int  // what was sent before this move may be gone: it was purged, or went to somebody who did not wait for it
	clearing  int  // questions under way that clear it
	vague     bool // one was, or one that changes it, when its connection was lost: it may be done any time
}

// Names in every run.
const (
	deadQueue     = "dead"
	deadExchange  = "dlx"
	volatileQueue = "volatile"
	directX       = "x"
	fanoutX       = "all"
	delayedX      = "later"
	sharedX       = "shared"
)

// makeQueues lists the queues of the run: those of the setup, one that comes
// and goes, and the one for dead letters.
func (w *World) makeQueues() {
	specs := append([]QueueSpec{}, w.program.Setup.Queues...)
	if w.program.Setup.Volatile {
		specs = append(specs, QueueSpec{Name: volatileQueue, Durable: true})
	}
	specs = append(specs, QueueSpec{Name: deadQueue, Durable: true})
	for i, s := range specs {
		q := &queueState{QueueSpec: s, index: i}
		q.startRules()
		w.queues = append(w.queues, q)
	}
}

func (w *World) burial() *queueState { return w.queues[len(w.queues)-1] }

func (w *World) queue(name string) *queueState {
	for _, q := range w.queues {
		if q.Name == name {
			return q
		}
	}
	return nil
}

// declare is the queue's declaration.
func (q *queueState) declare() *amqp.QueueDeclare {
	args := amqp.Table{}
	if q.Priorities > 0 {
		args["x-max-priority"] = int32(q.Priorities)
	}
	if q.TTL > 0 {
		args["x-message-ttl"] = int32(q.TTL)
	}
	if q.MaxLength > 0 {
		args["x-max-length"] = int32(q.MaxLength)
	}
	if q.Overflow != "" {
		args["x-overflow"] = q.Overflow
	}
	if q.Dying {
		args["x-dead-letter-exchange"] = deadExchange
	}
	if q.Single {
		args["x-single-active-consumer"] = true
	}
	return &amqp.QueueDeclare{Queue: q.Name, Durable: q.Durable, Arguments: args}
}

// comesAndGoes says whether the queue may be missing.
func (q *queueState) comesAndGoes() bool { return q.Name == volatileQueue || !q.Durable }

// bindings are where the queue gets messages from, beside the default exchange.
func (q *queueState) bindings(s *Setup) []*amqp.QueueBind {
	list := []*amqp.QueueBind{{Queue: q.Name, Exchange: directX, RoutingKey: q.Name}}
	switch {
	case q.Name == deadQueue:
		return []*amqp.QueueBind{{Queue: q.Name, Exchange: deadExchange}}
	case q.stays():
		list = append(list, &amqp.QueueBind{Queue: q.Name, Exchange: fanoutX})
		if s.Delayed {
			list = append(list, &amqp.QueueBind{Queue: q.Name, Exchange: delayedX, RoutingKey: q.Name})
		}
		if s.Shares {
			list = append(list, &amqp.QueueBind{Queue: q.Name, Exchange: sharedX, RoutingKey: strconv.Itoa(1 + q.index)}) // its weight
		}
	}
	return list
}

// becomes notes a change that was begun or has ended.
func (q *queueState) becomes(stable bool) {
	q.stable = stable
	q.changes++
}

// stays says whether the queue is there all the time, for what publishers send.
func (q *queueState) stays() bool {
	return q.Durable && q.Name != volatileQueue && q.Name != deadQueue
}

// routes are the queues that a message can come to: to all of them, or to one if its exchange shares them out.
func (w *World) routes(m *message) (list []*queueState) {
	for _, q := range w.queues {
		named := m.key == q.Name || slices.Contains(m.cc, q.Name) || slices.Contains(m.bcc, q.Name)
		switch {
		case m.exchange == "" && named,
			m.exchange == directX && named && q.Name != deadQueue,
			(m.exchange == fanoutX || m.exchange == sharedX || m.exchange == delayedX && named) && q.stays():
			list = append(list, q)
		}
	}
	return list
}

func number(b []byte) (int, bool) {
	n, err := strconv.Atoi(string(b))
	return n, err == nil
}

package core

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/policy"
	"github.com/postrider-mq/postrider/internal/route"
)

// QueueStatus is a queue as it was a moment ago, for people and their tools.
type QueueStatus struct {
	QueueSpec
	VHost     string
	Owner     string // the name of the client whose own it is; empty if it is nobody's
	Ready     int
	Unacked   int
	Consumers []ConsumerStatus
	Consuming int // how many consumers there are

	Counts   QueueCounts
	Rates    QueueRates // the mean since somebody asked, but over five seconds at least; 0 the first time
	Paged    int        // messages that are on the disk alone
	Resident int64      // bytes of those in memory

	// The two policies that hold, or nil.
	Policy, OperatorPolicy *policy.Policy
}

// Effective are the arguments that the queue lives by: its own, and what its policies make of them. They may be Args: do not change them.
func (s *QueueStatus) Effective() amqp.Table {
	return policy.Arguments(s.policyKind(), s.Args, policy.Merge(s.Policy, s.OperatorPolicy))
}

// ConsumerStatus is one subscription.
type ConsumerStatus struct {
	VHost     string
	Queue     string
	Tag       string
	Channel   uint16
	NoAck     bool
	Exclusive bool
	Sink      Sink // whose it is
}

// AllQueues returns every queue, in no order.
func (v *VHost) AllQueues() []*Queue {
	list := make([]*Queue, 0, v.QueueCount())
	for _, q := range v.table.Load().Queues() {
		list = append(list, q)
	}
	return list
}

// Queue returns the status of one queue.
func (v *VHost) Queue(name string) (QueueStatus, bool) {
	q, ok := v.table.Load().Queue(name)
	if !ok || q.isGone() {
		return QueueStatus{}, false
	}
	return q.Status(), true
}

// QueueCount is how many queues there are.
func (v *VHost) QueueCount() int { return v.table.Load().QueueCount() }

// EachQueue visits every queue, in no order: its figures, without rates and without who consumes.
func (v *VHost) EachQueue(visit func(*QueueStatus)) {
	for _, q := range v.table.Load().Queues() {
		s := q.Brief()
		visit(&s)
	}
}

// Brief is the queue's status without rates and without who consumes.
func (q *Queue) Brief() QueueStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.figures()
}

// figures is what costs little to tell. The caller holds q.mu.
func (q *Queue) figures() QueueStatus {
	s := QueueStatus{
		QueueSpec: q.QueueSpec, VHost: q.vhost.Name, Ready: q.core.Len(), Unacked: q.core.Unacked(), Consuming: len(q.consumers),
		Counts: q.counts, Resident: q.resident, Policy: q.ruling.user, OperatorPolicy: q.ruling.operator,
	}
	s.Paged = max(0, s.Ready+s.Unacked-q.residents)
	if q.owner != nil {
		s.Owner = q.owner.Name
	}
	return s
}

// Status is the queue's status.
func (q *Queue) Status() QueueStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.figures()
	s.Rates = q.rates(q.vhost.core.Now())
	s.Consumers = q.subscriptions()
	return s
}

// Consumers are who consumes from the queue, in no order.
func (q *Queue) Consumers() []ConsumerStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.subscriptions()
}

// subscriptions is Consumers for who holds q.mu.
func (q *Queue) subscriptions() (list []ConsumerStatus) {
	for _, c := range q.consumers {
		list = append(list, ConsumerStatus{q.vhost.Name, q.Name, c.Tag, c.Channel, c.NoAck, c.Exclusive, c.sink})
	}
	return list
}

// Exchanges returns every exchange, the default one too.
func (v *VHost) Exchanges() []route.Exchange {
	var list []route.Exchange
	for x := range v.table.Load().Exchanges() {
		list = append(list, x)
	}
	return list
}

// Bindings returns every binding but those of the default exchange.
func (v *VHost) Bindings() []route.Binding {
	var list []route.Binding
	for b := range v.table.Load().Bindings() {
		list = append(list, b)
	}
	return list
}

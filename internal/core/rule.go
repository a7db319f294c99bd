package core

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/policy"
	"github.com/postrider-mq/postrider/internal/queue"
)

// policyKind is what the queue is to policies.
func (q *QueueSpec) policyKind() policy.Kind {
	switch q.Args[argType] {
	case "quorum":
		return policy.QuorumQueue
	case "stream":
		return policy.StreamQueue
	}
	return policy.ClassicQueue
}

// adopt makes the queue live by its arguments and the policies given, and
// returns what the pure queue has to know of them. The caller holds q.mu or is
// the only one that knows the queue.
func (q *Queue) adopt(r ruling) queue.Config {
	if q.isStore() {
		return q.storeConfig()
	}
	spec := q.QueueSpec
	spec.Args = policy.Arguments(q.policyKind(), q.Args, r.merged())
	cfg := queueConfig(&spec)
	_, expiring := cfg.TTL.Value()
	q.ruling = r
	q.counting = q.policyKind() == policy.QuorumQueue
	q.dying, q.dyingKey = textArg(spec.Args, argDeadLetterExchange), textArg(spec.Args, argDeadLetterKey)
	q.ttl = cfg.TTL
	q.patience.Store(0)
	if ms, ok := amqp.Integer(spec.Args[argConsumerTimeout]); ok {
		q.patience.Store(int64(patienceOf(ms)))
	}
	q.demanding = expiring || cfg.MaxPriority > 0 || cfg.Overflow != queue.DropHead
	q.levels = cfg.TwoLevels
	q.timed = q.timed || expiring
	return cfg
}

// follow makes a queue that is in use live by other policies: its limits hold
// at once, a time to live for what is published from now on.
func (q *Queue) follow(b *Burst, r ruling) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || q.ruling == r {
		return
	}
	cfg := q.adopt(r)
	q.measure(cfg)
	q.perform(b, q.core.Configure(b.now, cfg))
	q.schedule()
}

// measure has the queue count bytes, if there is a limit to them. The caller
// holds q.mu or is the only one that knows the queue.
func (q *Queue) measure(cfg queue.Config) {
	if _, ok := cfg.MaxBytes.Value(); ok && !q.measured {
		q.measured = true
		q.core.MeasureBy(ref.size)
	}
}

// Policies returns the two policies that hold for the queue; either may be nil.
func (q *Queue) Policies() (user, operator *policy.Policy) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ruling.user, q.ruling.operator
}

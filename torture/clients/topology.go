package clients

import (
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// queueSpec is a queue with everybody who uses it.
type queueSpec struct {
	history.Queue
	args      amqp.Table
	grave     string // the queue of its dead letters
	consumers []habits
}

// publisherSpec is a publisher, by the names of what it uses.
type publisherSpec struct {
	name          string
	exchange, key string
	queues        []string
	window        int // how many messages wait for their confirms
	pause         int // ms between two windows, at most
	most          int // messages in all; 0 = no end
	transient     bool
	lanes         int
	transacts     bool // publishes in transactions
	expires       bool // some messages have an expiration of their own
}

const (
	fanout  = "fan"    // exchange
	routing = "work"   // exchange
	graves  = "graves" // exchange of dead letters
	markers = "markers"
)

func buried(queue string, more amqp.Table) amqp.Table {
	t := amqp.Table{"x-dead-letter-exchange": graves, "x-dead-letter-routing-key": queue}
	for k, v := range more {
		t[k] = v
	}
	return t
}

var queues = []queueSpec{
	{Queue: history.Queue{Name: "plain"}, consumers: []habits{
		{prefetch: 50, requeue: 5}, {prefetch: 10, requeue: 10, hangsUp: 2}, {gets: true, requeue: 10}}},
	{Queue: history.Queue{Name: "strict", Strict: true}, consumers: []habits{{prefetch: 100, multiple: true}}},
	{Queue: history.Queue{Name: "fan-a"}, consumers: []habits{{prefetch: 20, requeue: 10, hangsUp: 2}, {multiple: true, prefetch: 200}}},
	{Queue: history.Queue{Name: "fan-priority"}, args: amqp.Table{"x-max-priority": 4}, consumers: []habits{{prefetch: 5, requeue: 5}, {prefetch: 30}}},
	{Queue: history.Queue{Name: "ttl", Dies: []string{"expired"}}, grave: "expired",
		args: buried("expired", amqp.Table{"x-message-ttl": 150}), consumers: []habits{{prefetch: 3, slow: 4}}},
	{Queue: history.Queue{Name: "expired"}, consumers: []habits{{prefetch: 50, requeue: 2}}},
	{Queue: history.Queue{Name: "work"}, grave: "dead", args: buried("dead", nil), consumers: []habits{
		{prefetch: 30, reject: 30, requeue: 10}, {prefetch: 10, reject: 10, hangsUp: 3}, {gets: true, reject: 50}}},
	{Queue: history.Queue{Name: "dead"}, consumers: []habits{{prefetch: 50, requeue: 5}}},
	{Queue: history.Queue{Name: "quorum", Dies: []string{"delivery_limit"}}, grave: "quorum-dead",
		args:      buried("quorum-dead", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 3}),
		consumers: []habits{{prefetch: 50, requeue: 20, reject: 5}, {prefetch: 20, reject: 10}}},
	{Queue: history.Queue{Name: "quorum-dead"}, args: amqp.Table{"x-queue-type": "quorum"}, consumers: []habits{{prefetch: 10}}},
	{Queue: history.Queue{Name: "bounded", Dies: []string{"maxlen"}}, grave: "overflow",
		args: buried("overflow", amqp.Table{"x-max-length": 60}), consumers: []habits{{prefetch: 5, slow: 2}}},
	{Queue: history.Queue{Name: "overflow"}, consumers: []habits{{prefetch: 100, multiple: true}}},
	{Queue: history.Queue{Name: "refusing"}, args: amqp.Table{"x-max-length": 60, "x-overflow": "reject-publish"},
		consumers: []habits{{prefetch: 20, slow: 1}}},
	{Queue: history.Queue{Name: "noack", NoAck: true}, consumers: []habits{{noAck: true}}},
	{Queue: history.Queue{Name: "tx"}, consumers: []habits{{prefetch: 20, requeue: 5}}},
	{Queue: history.Queue{Name: "cold"}},
}

var publishers = []publisherSpec{
	{name: "one", key: "plain", queues: []string{"plain"}, window: 1, pause: 2},
	{name: "hundreds", key: "plain", queues: []string{"plain"}, window: 300, pause: 300},
	{name: "strict", key: "strict", queues: []string{"strict"}, window: 100, pause: 150},
	{name: "fan", exchange: fanout, queues: []string{"fan-a", "fan-priority"}, window: 100, pause: 200, lanes: 5},
	{name: "passing", key: "fan-a", queues: []string{"fan-a"}, window: 50, pause: 200, transient: true},
	{name: "ttl", key: "ttl", queues: []string{"ttl"}, window: 50, pause: 150, expires: true},
	{name: "work", exchange: routing, key: "job", queues: []string{"work"}, window: 50, pause: 100},
	{name: "quorum", key: "quorum", queues: []string{"quorum"}, window: 200, pause: 250},
	{name: "bounded", key: "bounded", queues: []string{"bounded"}, window: 100, pause: 200},
	{name: "refusing", key: "refusing", queues: []string{"refusing"}, window: 50, pause: 100},
	{name: "noack", key: "noack", queues: []string{"noack"}, window: 100, pause: 150},
	{name: "tx", key: "tx", queues: []string{"tx"}, window: 20, pause: 50, transacts: true},
	{name: "cold", key: "cold", queues: []string{"cold"}, window: 5, pause: 50, most: 150},
}

func queueNumber(name string) int {
	for i := range queues {
		if queues[i].Name == name {
			return i
		}
	}
	return history.None
}

// Plan is what a history has to know of the queues and publishers here.
func Plan() ([]history.Queue, []history.Publisher) {
	var qs []history.Queue
	for _, q := range queues {
		q.DeadLetters = queueNumber(q.grave)
		qs = append(qs, q.Queue)
	}
	var ps []history.Publisher
	for _, p := range publishers {
		hp := history.Publisher{Name: p.name, Transient: p.transient, Lanes: p.lanes}
		for _, name := range p.queues {
			hp.Queues = append(hp.Queues, queueNumber(name))
		}
		ps = append(ps, hp)
	}
	return qs, ps
}

// Declare declares everything. After a restart that is a question: is it still there, and as it was?
func (s *Stage) Declare() error {
	l, err := s.connect("topology")
	if err != nil {
		return err
	}
	defer l.hangUp()
	for name, kind := range map[string]string{fanout: "fanout", routing: "direct", graves: "direct"} {
		err := s.do("declare exchange "+name, func() error { return l.ch.ExchangeDeclare(name, kind, true, false, false, false, nil) })
		if err != nil {
			return err
		}
	}
	for _, q := range queues {
		if err := s.declareQueue(l, q.Name, q.args); err != nil {
			return err
		}
	}
	for _, q := range queues {
		if q.grave == "" {
			continue
		}
		if err := s.bind(l, q.grave, q.grave, graves); err != nil {
			return err
		}
	}
	if err := s.declareQueue(l, markers, amqp.Table{"x-max-length": 1000}); err != nil {
		return err
	}
	for _, b := range [][3]string{{"fan-a", "", fanout}, {"fan-priority", "", fanout}, {"work", "job", routing}} {
		if err := s.bind(l, b[0], b[1], b[2]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) declareQueue(l *line, name string, args amqp.Table) error {
	return s.do("declare queue "+name, func() error {
		_, err := l.ch.QueueDeclare(name, true, false, false, false, args)
		return err
	})
}

func (s *Stage) bind(l *line, queue, key, exchange string) error {
	return s.do("bind queue "+queue, func() error { return l.ch.QueueBind(queue, key, exchange, false, nil) })
}

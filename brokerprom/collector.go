// Package brokerprom shows what a broker does to Prometheus:
//
//	b, err := broker.Open(cfg)
//	…
//	prometheus.MustRegister(brokerprom.New(b))
//
// or, for a broker that is the whole process, at /metrics and, with a series for each queue, at /metrics/per-object:
//
//	http.ListenAndServe("127.0.0.1:15692", brokerprom.Handler(b))
//
// What RabbitMQ has, too, is called as there, so that its dashboards and alerts hold:
//
//	rabbitmq_connections, _channels, _queues, _consumers            gauges
//	rabbitmq_queue_messages, …_ready, …_unacked                     messages in all queues; of each in /metrics/per-object
//	rabbitmq_connections_opened_total, …_closed_total
//	rabbitmq_global_messages_received_total, …_confirmed_total,
//	…_routed_total, …_delivered_total, …_acknowledged_total,
//	…_redelivered_total, …_unroutable_dropped_total, and so on      counters since the start, with the label protocol
//	rabbitmq_alarms_memory_used_watermark, …_free_disk_space_watermark
//	rabbitmq_process_resident_memory_bytes, rabbitmq_disk_space_available_bytes, and their limits
//	rabbitmq_build_info, rabbitmq_identity_info
//
// What it has not begins with postrider:
//
//	postrider_paged_messages, postrider_message_memory_bytes        what is on the disk alone, and what is in memory
//	postrider_lost_messages_total                                   that the disk did not give back
//	postrider_journal_*                                             what is on the disk and how the disk keeps up
//
// Numbers are gathered when somebody asks, from counters that are kept anyway.
package brokerprom

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/postrider-mq/postrider/broker"
)

// MaxQueues is how many queues have series of their own; the rest is summed.
const MaxQueues = 4000

// Rest is the label queue of the series that sum the queues beyond MaxQueues; their vhost is empty.
const Rest = "(others)"

// Collector collects what one broker does. It is a [prometheus.Collector]. Any goroutine may use it.
type Collector struct {
	broker    *broker.Broker
	perObject bool
}

// An Option changes one [New].
type Option func(*Collector)

// PerQueue has a series for each queue, as RabbitMQ has them at /metrics/per-object, of [MaxQueues] at most.
func PerQueue() Option { return func(c *Collector) { c.perObject = true } }

// New makes the collector of a broker.
func New(b *broker.Broker, opts ...Option) *Collector {
	c := &Collector{broker: b}
	for _, apply := range opts {
		apply(c)
	}
	return c
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range figures {
		to <- m.desc
	}
	for _, m := range journalFigures {
		to <- m.desc
	}
	for _, m := range queueFigures {
		to <- m.of(c.perObject)
	}
	to <- syncSeconds
	to <- buildInfo
	to <- identityInfo
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	s := c.broker.Stats()
	for _, m := range figures {
		m.collect(to, &s)
	}
	if s.Journal != nil {
		for _, m := range journalFigures {
			m.collect(to, s.Journal)
		}
		collectSyncs(to, s.Journal)
	}
	c.collectQueues(to)
	to <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, "Postrider", broker.Version, runtime.Version())
	to <- prometheus.MustNewConstMetric(identityInfo, prometheus.GaugeValue, 1, s.Name, s.Name)
}

// collectQueues gives each queue a series, or all of them one.
func (c *Collector) collectQueues(to chan<- prometheus.Metric) {
	var rest broker.QueueStats
	single, left := 0, 0
	c.broker.EachQueue(func(q broker.QueueStats) {
		if c.perObject && single < MaxQueues {
			single++
			for _, m := range queueFigures {
				m.collect(to, &q, q.VHost, q.Name)
			}
			return
		}
		left++
		add(&rest, &q)
	})
	for _, m := range queueFigures {
		switch {
		case !c.perObject:
			m.collect(to, &rest)
		case left > 0:
			m.collect(to, &rest, "", Rest)
		}
	}
}

func add(to, q *broker.QueueStats) {
	to.Ready += q.Ready
	to.Unacked += q.Unacked
	to.Consumers += q.Consumers
	to.Paged += q.Paged
	to.MessageMemory += q.MessageMemory
}

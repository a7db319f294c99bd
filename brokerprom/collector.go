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
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/scrape"
)

// MaxQueues is how many queues have series of their own; the rest is summed.
const MaxQueues = scrape.MaxQueues

// Rest is the label queue of the series that sum the queues beyond MaxQueues; their vhost is empty.
const Rest = scrape.Rest

// Handler answers GET /metrics, with the figures of the Go runtime among them, and GET /metrics/per-object, in Prometheus's text
// format. It asks for no password: names of queues and how busy they are is what whoever reaches it sees.
func Handler(b *broker.Broker) http.Handler { return scrape.Handler(b) }

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
	for _, f := range scrape.Gather(c.broker, c.perObject) {
		to <- desc(&f)
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	for _, f := range scrape.Gather(c.broker, c.perObject) {
		collect(to, &f)
	}
}

func desc(f *scrape.Family) *prometheus.Desc {
	return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
}

func collect(to chan<- prometheus.Metric, f *scrape.Family) {
	of := desc(f)
	kind := prometheus.GaugeValue
	switch f.Kind {
	case scrape.Counter:
		kind = prometheus.CounterValue
	case scrape.Histogram:
		within := make(map[float64]uint64, len(f.Spread.Within))
		for _, w := range f.Spread.Within {
			within[w.Bound] = w.Count
		}
		to <- prometheus.MustNewConstHistogram(of, f.Spread.Count, f.Spread.Sum, within)
		return
	}
	for _, s := range f.Series {
		to <- prometheus.MustNewConstMetric(of, kind, s.Value, s.Values...)
	}
}

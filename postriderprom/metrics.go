// Package postriderprom shows what a node does to Prometheus:
//
//	metrics := postriderprom.New()
//	cfg := postrider.Config{Name: "billing"}
//	metrics.Watch(&cfg)
//	n, err := postrider.Start(ctx, cfg)
//	…
//	metrics.Started(n)
//	prometheus.MustRegister(metrics)
//
// It has these metrics, which all carry the node's name as the label node:
//
//	postrider_sent_total{target,verb,result}      sends whose fate is known; result is how far a message came
//	                                              (kept, stored, received, handled) or why it failed
//	postrider_send_seconds{verb}                  from the call of Send, Post or Call until that
//	postrider_received_total{target}              messages handed to handlers
//	postrider_handled_total{target,result}        how handlers ended: ok or error
//	postrider_handle_seconds{target}              how long they took
//	postrider_retries_total, postrider_dead_total failed messages to be tried again, and dead letters
//	postrider_outbox_messages, …_outbox_bytes     what waits to be confirmed
//	postrider_connection_up{to,purpose}           1 or 0
//
// Messages of a loop, [postrider.Node.Messages], count neither as received nor as handled. A target is a label: who sends to more names than
// Prometheus should keep series for gives New the option [WithoutTargets].
package postriderprom

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/postrider-mq/postrider"
)

// Metrics collects what one node does. It is a [prometheus.Collector].
type Metrics struct {
	anonymous bool

	sent     *prometheus.CounterVec
	sending  *prometheus.HistogramVec
	received *prometheus.CounterVec
	handled  *prometheus.CounterVec
	handling *prometheus.HistogramVec

	node atomic.Pointer[watched]
}

// watched is a node that has started, and what is asked of it.
type watched struct {
	node                                      *postrider.Node
	retries, dead, messages, bytes, connected *prometheus.Desc
}

// An Option changes one [New].
type Option func(*Metrics)

// WithoutTargets leaves the label target empty.
func WithoutTargets() Option { return func(m *Metrics) { m.anonymous = true } }

// New makes the metrics of a node that is yet to be started.
func New(opts ...Option) *Metrics {
	m := new(Metrics)
	for _, apply := range opts {
		apply(m)
	}
	return m
}

// buckets are from 50 µs, a message in memory, to a minute.
var buckets = prometheus.ExponentialBuckets(50e-6, 4, 11)

// Watch adds the counting to a configuration, around the middleware that is there.
func (m *Metrics) Watch(cfg *postrider.Config) {
	node := prometheus.Labels{"node": cfg.Name}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: node}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: node, Buckets: buckets}, labels)
	}
	m.sent = counter("postrider_sent_total", "Messages whose fate is known, by how far they came or why they failed.", "target", "verb", "result")
	m.sending = histogram("postrider_send_seconds", "Time until the fate of a message was known.", "verb")
	m.received = counter("postrider_received_total", "Messages handed to handlers.", "target")
	m.handled = counter("postrider_handled_total", "Messages by how their handlers ended.", "target", "result")
	m.handling = histogram("postrider_handle_seconds", "Time that handlers took.", "target")
	cfg.SendMiddleware = append([]postrider.SendMiddleware{m.send}, cfg.SendMiddleware...)
	cfg.HandleMiddleware = append([]postrider.HandleMiddleware{m.handle}, cfg.HandleMiddleware...)
}

// Started adds what only a running node knows: its outbox, its connections, its retries and dead letters.
func (m *Metrics) Started(n *postrider.Node) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, prometheus.Labels{"node": n.Name()})
	}
	m.node.Store(&watched{
		node:      n,
		retries:   desc("postrider_retries_total", "Failed messages that were to be tried again."),
		dead:      desc("postrider_dead_total", "Messages that became dead letters."),
		messages:  desc("postrider_outbox_messages", "Messages that wait to be confirmed."),
		bytes:     desc("postrider_outbox_bytes", "Bytes of messages that wait to be confirmed."),
		connected: desc("postrider_connection_up", "Whether a connection is up.", "to", "purpose"),
	})
}

func (m *Metrics) send(next postrider.SendFunc) postrider.SendFunc {
	return func(ctx context.Context, out *postrider.Outgoing) error {
		begun := time.Now()
		var once sync.Once
		count := func(g postrider.Grade, err error) {
			once.Do(func() {
				m.sent.WithLabelValues(m.target(out.Target.Name()), string(out.Verb), result(g, err)).Inc()
				m.sending.WithLabelValues(string(out.Verb)).Observe(time.Since(begun).Seconds())
			})
		}
		out.OnFate(count)
		err := next(ctx, out)
		if err != nil { // where other middleware kept it nobody has told
			count(postrider.Pending, err)
		}
		return err
	}
}

func (m *Metrics) handle(next postrider.Handler) postrider.Handler {
	return func(ctx context.Context, msg *postrider.Message) error {
		target, begun := m.target(msg.To), time.Now()
		m.received.WithLabelValues(target).Inc()
		how := "error" // or a panic
		defer func() {
			m.handled.WithLabelValues(target, how).Inc()
			m.handling.WithLabelValues(target).Observe(time.Since(begun).Seconds())
		}()
		err := next(ctx, msg)
		if err == nil {
			how = "ok"
		}
		return err
	}
}

func (m *Metrics) target(name string) string {
	if m.anonymous {
		return ""
	}
	return name
}

// result is one of few words.
func result(g postrider.Grade, err error) string {
	var remote *postrider.RemoteError
	switch {
	case err == nil:
		return g.String()
	case errors.Is(err, postrider.ErrNoSuchTarget):
		return "no_such_target"
	case errors.Is(err, postrider.ErrExpired):
		return "expired"
	case errors.Is(err, postrider.ErrFull):
		return "full"
	case errors.Is(err, postrider.ErrRefused):
		return "refused"
	case errors.Is(err, postrider.ErrPeerDown):
		return "peer_down"
	case errors.Is(err, postrider.ErrClosed):
		return "closed"
	case errors.As(err, &remote):
		return "remote_error"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "given_up"
	}
	return "error"
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, c := range m.vectors() {
		c.Describe(to)
	}
	if w := m.node.Load(); w != nil {
		for _, d := range []*prometheus.Desc{w.retries, w.dead, w.messages, w.bytes, w.connected} {
			to <- d
		}
	}
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	for _, c := range m.vectors() {
		c.Collect(to)
	}
	if w := m.node.Load(); w != nil {
		w.collect(to)
	}
}

func (m *Metrics) vectors() []prometheus.Collector {
	if m.sent == nil {
		return nil
	}
	return []prometheus.Collector{m.sent, m.sending, m.received, m.handled, m.handling}
}

func (w *watched) collect(to chan<- prometheus.Metric) {
	s := w.node.Stats()
	to <- prometheus.MustNewConstMetric(w.retries, prometheus.CounterValue, float64(s.Retries))
	to <- prometheus.MustNewConstMetric(w.dead, prometheus.CounterValue, float64(s.Dead))
	to <- prometheus.MustNewConstMetric(w.messages, prometheus.GaugeValue, float64(s.OutboxMessages))
	to <- prometheus.MustNewConstMetric(w.bytes, prometheus.GaugeValue, float64(s.OutboxBytes))
	for _, c := range s.Connections {
		up := 0.0
		if c.Up {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(w.connected, prometheus.GaugeValue, up, c.To, c.Purpose)
	}
}

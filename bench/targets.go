package main

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// A target is what postrider is to reach beside others, and what it did.
type target struct {
	What    string
	Sign    string // of Reached and Bound
	Bound   float64
	Unit    string
	Reached float64 // not a number when something of it was not measured

	// What is beyond our reach, where that is known: Most is what would be reached if we cost nothing, 0 if there is no telling, and
	// Limit is what bounds it.
	Most  float64
	Limit string
}

func wanted(what, sign string, bound float64, unit string, reached float64) target {
	return target{What: what, Sign: sign, Bound: bound, Unit: unit, Reached: reached}
}

// limited is the target with what bounds it. Most may be unknown: not a number.
func (t target) limited(most float64, limit string) target {
	t.Most, t.Limit = unless(most, 0), limit
	return t
}

// verdict is what stands behind a target in the table.
func (t target) verdict() string {
	switch {
	case t.met():
		return "yes"
	case t.Limit == "":
		return "NO"
	case t.Most <= 0:
		return "NO: " + t.Limit
	case !t.reaches(t.Most):
		return fmt.Sprintf("%s limits it to %.3g %s", t.Limit, t.Most, t.Unit)
	}
	return fmt.Sprintf("NO: %s leaves %.3g %s", t.Limit, t.Most, t.Unit)
}

func (t target) met() bool { return t.reaches(t.Reached) }

func (t target) reaches(v float64) bool {
	switch t.Sign {
	case "≤":
		return v <= t.Bound
	case "<":
		return v < t.Bound
	}
	return v >= t.Bound
}

// targets are all of them, in the order of the rows.
func (r *results) targets() []target {
	all := []target{
		wanted("Send to a peer, p50, beside raw TCP echo", "≤", 1.3, "×", r.latency("direct-send", p50Of)/r.latency("tcp-echo", p50Of)),
		wanted("Send to a peer, p50, beside ZeroMQ REQ/REP", "<", 1, "×", r.latency("direct-send", p50Of)/r.latency("zmq-request", p50Of)),
		wanted("Call of a peer, p50, beside ZeroMQ REQ/REP", "≤", 1.5, "×", r.latency("direct-call", p50Of)/r.latency("zmq-request", p50Of)),
		wanted("Call of a peer, p50, beside gRPC-Go unary", "≤", 0.5, "×", r.latency("direct-call", p50Of)/r.latency("grpc-unary", p50Of)),
		wanted("Call of a peer, p50, beside NATS request", "≤", 0.5, "×", r.latency("direct-call", p50Of)/r.latency("nats-request", p50Of)),
		wanted("Calls/s of 64 callers, beside gRPC-Go", "≥", 5, "×", r.rate("direct-call-64")/r.rate("grpc-unary-64")).
			limited(r.rate("tcp-echo-64")/r.rate("grpc-unary-64"), "raw TCP with so many callers"),
		wanted("Posts/s to a peer, beside the best of the others", "≥", 1.3, "×", r.rate("direct-post")/r.best(workStream)),
		wanted("transient mailbox with acks, messages/s, beside RabbitMQ", "≥", 10, "×", r.besideRabbit("mailbox-post-transient")),
		wanted("transient mailbox without acks, messages/s, beside RabbitMQ", "≥", 14, "×", r.besideRabbit("mailbox-post-noacks")),
		wanted("transient mailbox without acks, messages/s, beside a NATS queue group", "≥", 1, "×", r.rate("mailbox-post-noacks")/r.rate("nats-queue-group")),
		wanted("transient mailbox at 10,000/s, p99, beside RabbitMQ", "≤", 1./3, "×", r.latencyBesideRabbit("mailbox-post-transient-10k")),
		wanted("durable mailbox at 10,000/s, p99, beside RabbitMQ", "≤", 1./3, "×", r.latencyBesideRabbit("mailbox-post-durable-10k")),
		wanted("durable mailbox at 10,000/s, p99", "<", 1.5, "ms", r.latency("mailbox-post-durable-10k", p99Of)/1e6).
			limited(r.latency("disk-sync-10k", p99Of)/1e6, "the disk"),
		wanted("durable mailbox, messages/s, beside RabbitMQ's classic queue", "≥", 10, "×", r.besideRabbit("mailbox-post-durable")),
		wanted("durable mailbox, messages/s, beside JetStream, sync_interval: always", "≥", 50, "×", r.rate("mailbox-post-durable")/r.rate("jetstream-always")),
		wanted("durable mailbox, messages/s, beside Redis Streams, appendfsync always", "≥", 3, "×", r.rate("mailbox-post-durable")/r.rate("redis-always")),
		wanted("durable mailbox, bytes/s of 1 KiB bodies, beside the raw append", "≥", 0.5, "×", r.rate("mailbox-post-durable-1k-bodies")/r.rate("disk-append-1k")).
			limited(r.mostCarried("tcp-stream-1KiB", "disk-append-1k"), "to move the bytes twice by TCP and once to the disk"),
		wanted("one durable publisher, p50, beside RabbitMQ", "<", 1, "×", r.latency("mailbox-send-durable", p50Of)/r.latency(foreignPrefix+"mailbox-send-durable", p50Of)),
		wanted("one durable publisher, p50, beside fdatasync + TCP echo", "≤", 1.3, "×",
			r.latency("mailbox-send-durable-alone", p50Of)/(r.latency("disk-sync", p50Of)+r.latency("tcp-echo", p50Of))),
	}
	for _, client := range []string{"amqp091-go-durable", "amqp091-go-transient", "pika-durable", "pika-transient"} {
		all = append(all, wanted("RabbitMQ's own client, "+client+", messages/s, beside RabbitMQ", "≥", 3, "×", r.besideRabbit(client)).
			limited(r.mostOfClients(client)/r.rate(foreignPrefix+client), "the client"))
	}
	for _, c := range []struct{ work, row string }{
		{workCall, "direct-call"}, {workStream, "direct-post"}, {workDurable, "mailbox-post-durable"},
	} {
		all = append(all, wanted(c.work+": CPU a message, beside the least of the others but ZeroMQ", "<", 1, "×", r.cpu(c.row)/r.leastCPU(c.work)))
	}
	const plain = "mailbox-post-noacks"
	all = append(all,
		wanted(workTransient+" with acks: CPU a message, beside RabbitMQ", "<", 1, "×", r.cpu("mailbox-post-transient")/r.cpu(foreignPrefix+"mailbox-post-transient")),
		wanted(workTransient+" without acks: the broker's CPU a message, beside RabbitMQ", "<", 1, "×", r.brokerCPU(plain)/r.brokerCPU(foreignPrefix+plain)),
		wanted(workTransient+" without acks: the broker's CPU a message, beside NATS", "<", 1, "×", r.brokerCPU(plain)/r.brokerCPU("nats-queue-group")),
		wanted("1,000 publishing connections, messages/s, beside one", "≥", 0.7, "×", r.rate("connections-1000")/r.rate("connections-1")).
			limited(r.mostOfMany("connections-1000", "connections-1"), "what the clients take"),
		wanted("1,000 queues, messages/s, beside one", "≥", 0.7, "×", r.rate("queues-1000")/r.rate("queues-1")).
			limited(r.mostOfMany("queues-1000", "queues-1"), "what the clients take"),
	)
	return append(all, r.scaleTargets()...)
}

func (r *results) scaleTargets() []target {
	if r.AtScale == nil || r.AtScale.own() == nil {
		return nil
	}
	own, backlog, least := r.AtScale.own().Figures, thousands(float64(r.AtScale.own().Scale.Backlog)), math.Inf(1)
	for _, c := range r.AtScale.Columns[1:] {
		least = min(least, float64(c.Figures.Idle))
	}
	if math.IsInf(least, 1) {
		least = math.NaN() // ours is alone
	}
	return []target{
		wanted(backlog+" transient messages, drained, beside live speed", "≥", 0.8, "×", longest(own.NotPersistent).Drain/r.rate("connections-1")),
		wanted(backlog+" persistent messages, drained, beside live speed", "≥", 0.8, "×", longest(own.Persistent).Drain/r.rate("mailbox-post-durable")),
		wanted("a broker's memory at rest", "<", 15, "MiB", float64(own.Idle)/(1<<20)),
		wanted("a broker's memory at rest, beside the least of the others", "<", 1, "×", float64(own.Idle)/least).
			limited(0, mebibytes(own.Idle-own.IdleOwn)+" of it are pages of its program"),
		wanted("one of many peers that are connected to a node, memory", "<", 60, "KiB", own.Peer/1024),
	}
}

// median of a figure, not a number when the row was not run.
func (r *results) median(name string, figure func(*outcome) float64) float64 {
	f := r.find(name)
	if f == nil || len(f.Outcomes) == 0 {
		return math.NaN()
	}
	return over(f, figure).median()
}

func (r *results) rate(name string) float64 { return r.median(name, rateOf) }
func (r *results) cpu(name string) float64  { return r.median(name, cpuOf) }

// brokerCPU leaves the clients out, where they are not alike.
func (r *results) brokerCPU(name string) float64 {
	return r.median(name, func(o *outcome) float64 { return o.Processes[0].CPU })
}

func (r *results) latency(name string, figure func(*outcome) time.Duration) float64 {
	return r.median(name, func(o *outcome) float64 { return float64(figure(o)) })
}

func (r *results) besideRabbit(name string) float64 { return r.rate(name) / r.rate(foreignPrefix+name) }

func (r *results) latencyBesideRabbit(name string) float64 {
	return r.latency(name, p99Of) / r.latency(foreignPrefix+name, p99Of)
}

// others are the rows of a work at full speed that are neither ours nor a limit, with messages of the usual size.
func (r *results) others(work string) (all []*finding) {
	for _, f := range r.Rows {
		if f.does(work) && f.peak == "" && f.order.Callers == 0 && !f.ours() && !f.limit() && len(f.Outcomes) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// best is the highest rate of the others.
func (r *results) best(work string) float64 {
	most := math.NaN()
	for _, f := range r.others(work) {
		most = math.Max(r.rate(f.Name), unless(most, math.Inf(-1)))
	}
	return most
}

func (r *results) leastCPU(work string) float64 {
	least := math.NaN()
	for _, f := range r.others(work) {
		if !f.has("zmq-req") && !f.has("zmq-push") {
			least = math.Min(r.cpu(f.Name), unless(least, math.Inf(1)))
		}
	}
	return least
}

func unless(v, otherwise float64) float64 {
	if math.IsNaN(v) {
		return otherwise
	}
	return v
}

// printTargets writes those of which something is known.
func (r *results) printTargets(b *bytes.Buffer) {
	g := grid{{"target", "wanted", "reached", ""}}
	for _, t := range r.targets() {
		if math.IsNaN(t.Reached) || math.IsInf(t.Reached, 0) {
			continue
		}
		g = append(g, []string{t.What, fmt.Sprintf("%s %.3g %s", t.Sign, t.Bound, t.Unit), fmt.Sprintf("%.3g %s", t.Reached, t.Unit), t.verdict()})
	}
	if len(g) > 1 {
		b.WriteString("\n## Targets\n\n")
		g.write(b)
	}
}

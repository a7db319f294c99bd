package main

import "fmt"

// crowds are how many there are of what there is usually one of.
var crowds = []int{1, 10, 100, 1000}

// fanouts is how many get a copy of each message.
const fanouts = 100

// fanoutWindow is small, because each message becomes many. A NATS server ends the connection of a subscriber for whom it holds 64 MiB.
const fanoutWindow = 1000

const (
	workConnections = "many connections"
	workQueues      = "many queues"
	workFanout      = "fan-out"
)

// manyRows are of one load generator that is as lean as that of mailbox-post-noacks, but confirms and acknowledges.
func manyRows() (all []*row) {
	many := func(work, name, title string, o order) {
		o.Mailbox, o.Window, o.Prefetch = mailbox, transientWindow, prefetch
		if o.Fanout {
			o.Window = fanoutWindow
		}
		r := &row{Work: work, Name: name, Title: title, once: true, roles: []string{roleBroker, "crowd-receiver", "crowd-sender"}, order: o}
		all = append(all, r, r.onForeign())
	}
	for _, n := range crowds {
		many(workConnections, fmt.Sprintf("connections-%d", n), counted(n, "publishing connection"), order{Connections: n, Queues: 1})
	}
	for _, n := range crowds {
		many(workQueues, fmt.Sprintf("queues-%d", n), counted(n, "queue"), order{Connections: 1, Queues: n})
	}
	many(workFanout, fmt.Sprintf("fan-out-%d", fanouts), fmt.Sprintf("%d consumers, deliveries", fanouts), order{Connections: 1, Queues: fanouts, Fanout: true})
	return append(all, &row{Work: workFanout, Name: fmt.Sprintf("nats-fan-out-%d", fanouts), Title: fmt.Sprintf("NATS core, %d subscriptions, deliveries", fanouts), once: true,
		roles: []string{roleNATS, "nats-receiver", "nats-sender"}, order: order{Post: true, Window: fanoutWindow, Queues: fanouts, Fanout: true}})
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(float64(n)) + " " + what
}

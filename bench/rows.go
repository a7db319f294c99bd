package main

// A row is one kind of work, and a line in the table.
type row struct {
	Name  string
	Title string
	// Limit is the row that this one is compared with: by its median latency if ByLatency, else by rate.
	Limit     string
	ByLatency bool

	foreign bool // runs against the broker of -amqp
	roles   []string
	order   order
}

// How many messages may be posted and not confirmed. What is durable is measured with 1,000, as
// others measure it; what is not, with enough to keep both sides busy.
const (
	durableWindow   = 1000
	transientWindow = 10000
)

const (
	prefetch   = 1000
	steadyRate = 10000 // messages a second
	mailbox    = "bench"
)

// rows are all rows, in the order of the table. Those against another broker are there when there is one.
func rows(foreign bool) []*row {
	all := directRows()
	for _, r := range mailboxRows() {
		all = append(all, r)
		if foreign {
			all = append(all, r.onForeign())
		}
	}
	return append(all, jetStreamRows()...)
}

// jetStreamRows are the same work as mailbox-post-durable, on NATS JetStream: with a sync before each confirm, as ours, and
// as it comes.
func jetStreamRows() []*row {
	jet := func(name, title string, always bool) *row {
		return &row{
			Name: name, Title: title, Limit: "mailbox-post-durable",
			roles: []string{roleJetStream, "js-receiver", "js-sender"},
			order: order{Post: true, Window: durableWindow, Prefetch: prefetch, SyncAlways: always},
		}
	}
	return []*row{
		jet("jetstream-always", "JetStream, sync_interval: always", true),
		jet("jetstream-default", "JetStream, synced every 2 minutes", false),
	}
}

func directRows() []*row {
	toPeer := []string{"receiver", "sender"}
	return []*row{
		{Name: "tcp-echo", Title: "raw TCP echo", ByLatency: true, roles: []string{"echo", "caller"}},
		{Name: "direct-send", Title: "peer, Send", Limit: "tcp-echo", ByLatency: true, roles: toPeer},
		{Name: "tcp-stream", Title: "raw TCP stream", roles: []string{"sink", "source"}},
		{Name: "direct-post", Title: "peer, Post", Limit: "tcp-stream", roles: toPeer,
			order: order{Post: true, Window: transientWindow}},
		{Name: "tcp-10k", Title: "raw TCP stream, 10,000/s", ByLatency: true, roles: []string{"sink", "source"},
			order: order{Rate: steadyRate}},
		{Name: "direct-post-10k", Title: "peer, Post, 10,000/s", Limit: "tcp-10k", ByLatency: true, roles: toPeer,
			order: order{Post: true, Window: transientWindow, Rate: steadyRate}},
		{Name: "disk-sync", Title: "raw append + fdatasync, 4 KiB", ByLatency: true, roles: []string{"disk"}},
	}
}

func mailboxRows() []*row {
	transient := order{Transient: true, Window: transientWindow}
	durable := order{Window: durableWindow}
	return []*row{
		mailboxRow("mailbox-send-transient", "mailbox, Send, transient", "tcp-echo", transient),
		mailboxRow("mailbox-send-durable", "mailbox, Send, durable", "disk-sync", durable),
		mailboxRow("mailbox-post-transient", "mailbox, Post, transient", "tcp-stream", transient.posted(0)),
		mailboxRow("mailbox-post-durable", "mailbox, Post, durable", "disk-sync", durable.posted(0)),
		mailboxRow("mailbox-post-transient-10k", "mailbox, Post, transient, 10,000/s", "tcp-10k", transient.posted(steadyRate)),
		mailboxRow("mailbox-post-durable-10k", "mailbox, Post, durable, 10,000/s", "disk-sync", durable.posted(steadyRate)),
	}
}

func mailboxRow(name, title, limit string, o order) *row {
	o.Mailbox, o.Prefetch = mailbox, prefetch
	return &row{
		Name: name, Title: title, Limit: limit, ByLatency: !o.Post || o.Rate > 0,
		roles: []string{roleBroker, "receiver", "sender"}, order: o,
	}
}

func (o order) posted(rate int) order {
	o.Post, o.Rate = true, rate
	return o
}

const foreignPrefix = "amqp-"

// onForeign is the row against another broker.
func (r *row) onForeign() *row {
	f := *r
	f.Name = foreignPrefix + r.Name
	f.foreign = true
	f.roles = r.roles[1:]
	return &f
}

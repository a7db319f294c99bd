package main

// A row is one kind of work, and a line in the table.
type row struct {
	Name  string
	Title string
	// Limit is the row that this one is compared with: by its median latency if byLatency, else by rate.
	Limit     string
	byLatency bool

	foreign bool // runs against the broker of -amqp
	roles   []string
	order   order
}

// How many messages may be posted and not confirmed. What is durable is measured with 1,000, as
// others measure it; what is not, with enough to keep both sides busy.
const (
	durableWindow   = 1000
	transientWindow = 10000
	prefetch        = 1000
	mailbox         = "bench"
)

// rows are all rows, in the order of the table. Those against another broker are there when there is one.
func rows(foreign bool) []*row {
	all := []*row{
		{Name: "tcp-echo", Title: "raw TCP echo", roles: []string{"echo", "caller"}, byLatency: true},
		{Name: "direct-send", Title: "peer, Send", Limit: "tcp-echo", byLatency: true,
			roles: []string{"receiver", "sender"}},
		{Name: "tcp-stream", Title: "raw TCP stream", roles: []string{"sink", "source"}},
		{Name: "direct-post", Title: "peer, Post", Limit: "tcp-stream",
			roles: []string{"receiver", "sender"}, order: order{Post: true, Window: transientWindow}},
		{Name: "disk-sync", Title: "raw append + fdatasync, 4 KiB", roles: []string{"disk"}, byLatency: true},
	}
	for _, r := range mailboxRows() {
		all = append(all, r)
		if foreign {
			all = append(all, r.onForeign())
		}
	}
	return all
}

func mailboxRows() []*row {
	processes := []string{"broker", "receiver", "sender"}
	base := order{Mailbox: mailbox, Prefetch: prefetch}
	through := func(name, title, limit string, change func(*order)) *row {
		o := base
		change(&o)
		return &row{Name: name, Title: title, Limit: limit, byLatency: !o.Post, roles: processes, order: o}
	}
	return []*row{
		through("mailbox-send-transient", "mailbox, Send, transient", "tcp-echo", func(o *order) {
			o.Transient = true
		}),
		through("mailbox-send-durable", "mailbox, Send, durable", "disk-sync", func(o *order) {}),
		through("mailbox-post-transient", "mailbox, Post, transient", "tcp-stream", func(o *order) {
			o.Transient, o.Post, o.Window = true, true, transientWindow
		}),
		through("mailbox-post-durable", "mailbox, Post, durable", "disk-sync", func(o *order) {
			o.Post, o.Window = true, durableWindow
		}),
	}
}

// onForeign is the row against another broker.
func (r *row) onForeign() *row {
	f := *r
	f.Name = "amqp-" + r.Name
	f.foreign = true
	f.roles = r.roles[1:]
	return &f
}

package main

func mailboxRows() (all []*row) {
	all = append(all, transientRows()...)
	all = append(all, durableRows()...)
	return append(all, clientRows()...)
}

var (
	transientOrder = order{Transient: true, Window: transientWindow, Mailbox: mailbox, Prefetch: prefetch}
	durableOrder   = order{Window: durableWindow, Mailbox: mailbox, Prefetch: prefetch}
)

func (o order) posted() order {
	o.Post = true
	return o
}

func mailboxRow(work, name, title, limit string, o order) *row {
	return &row{
		Work: work, Name: name, Title: title, Limit: limit, ByLatency: !o.Post,
		roles: []string{roleBroker, "receiver", "sender"}, order: o,
	}
}

func transientRows() []*row {
	acked := mailboxRow(workTransient, "mailbox-post-transient", "transient mailbox, Post", "tcp-stream", transientOrder.posted())
	plain := mailboxRow(workTransient, "mailbox-post-noacks", "transient mailbox, no confirms, no acks", "tcp-stream", transientOrder.posted())
	plain.roles = []string{roleBroker, "wire-receiver", "wire-sender"}
	send := mailboxRow(workLone, "mailbox-send-transient", "transient mailbox, Send", "tcp-echo", transientOrder)
	return []*row{
		acked, acked.onForeign(),
		plain, plain.onForeign(),
		{Work: workTransient, Name: "nats-queue-group", Title: "NATS core, queue group", Limit: "tcp-stream",
			roles: []string{roleNATS, "nats-receiver", "nats-sender"}, order: transientOrder.posted()},
		send, send.onForeign(),
	}
}

func durableRows() []*row {
	post := mailboxRow(workDurable, "mailbox-post-durable", "durable mailbox, Post", "disk-append", durableOrder.posted())
	post1k := post.named("-1k-bodies")
	post1k.Title, post1k.Limit, post1k.order.Body = "durable mailbox, Post, 1 KiB bodies", "disk-append-1k", 1<<10
	post1kAlone := post1k.alone()
	send := mailboxRow(workLone, "mailbox-send-durable", "durable mailbox, Send", "disk-sync", durableOrder)
	send.Plus = "tcp-echo"
	alone := send.alone()
	peer := func(name, title string, o order, roles ...string) *row {
		return &row{Work: workDurable, Name: name, Title: title, Limit: "disk-append", roles: roles, order: o}
	}
	always, everysec := durableOrder.posted(), durableOrder.posted()
	always.SyncAlways, always.Append, everysec.Append = true, "always", "everysec"
	return []*row{
		{Work: workDurable, Name: "disk-append", Title: "raw append of 1,000 messages + fdatasync", roles: []string{"disk"}, order: order{Batch: durableWindow}},
		{Work: workDurable, Name: "disk-append-1k", Title: "raw append of 1,000 messages of 1 KiB + fdatasync", roles: []string{"disk"}, order: order{Batch: durableWindow, Body: 1 << 10}},
		post, post.onForeign(), post.onQuorum(), post1k, post1kAlone,
		peer("jetstream-default", "JetStream, synced every 2 minutes", everysec, roleJetStream, "js-receiver", "js-sender"),
		peer("jetstream-always", "JetStream, sync_interval: always", always, roleJetStream, "js-receiver", "js-sender"),
		peer("redis-everysec", "Redis Streams, appendfsync everysec", everysec, roleRedis, "redis-receiver", "redis-sender"),
		peer("redis-always", "Redis Streams, appendfsync always", always, roleRedis, "redis-receiver", "redis-sender"),
		{Work: workLone, Name: "disk-sync", Title: "raw append + fdatasync, 4 KiB", ByLatency: true, roles: []string{"disk"}},
		send, send.onForeign(), alone, alone.onForeign(),
	}
}

// alone is the row without a receiver: what the broker and its journal take by themselves.
func (r *row) alone() *row {
	a := r.named("-alone")
	a.Title, a.order.Kept, a.roles = r.Title+", nobody receives", true, []string{roleBroker, "sender"}
	return a
}

// clientRows have the same client on both sides of the comparison.
func clientRows() (all []*row) {
	for _, c := range []struct{ name, title, receiver, sender string }{
		{"amqp091-go", "amqp091-go", "amqp091-receiver", "amqp091-sender"},
		{"pika", "pika", "pika-receiver", "pika-sender"},
	} {
		durable := mailboxRow(workClients, c.name+"-durable", c.title+", durable", "disk-append", durableOrder.posted())
		transient := mailboxRow(workClients, c.name+"-transient", c.title+", transient", "tcp-stream", transientOrder.posted())
		for _, r := range []*row{durable, transient} {
			r.roles = []string{roleBroker, c.receiver, c.sender}
			all = append(all, r, r.onForeign())
		}
	}
	return all
}

package main

// bodySizes go from the least body that can be checked to large ones.
var bodySizes = []int{leastBody, 100, 1 << 10, 10 << 10, 100 << 10, mostBody}

// sizeWays are the rows that are run with bodies of other sizes.
var sizeWays = []string{
	"tcp-stream", "direct-post", "zmq-push", "grpc-stream", "nats-publish",
	"mailbox-post-transient", "rabbitmq-mailbox-post-transient", "mailbox-post-durable", "rabbitmq-mailbox-post-durable",
}

// sizeRows are the work of other rows with other bodies, once each.
func sizeRows(full []*row) (all []*row) {
	for _, name := range sizeWays {
		of := named(full, name)
		for _, size := range bodySizes {
			r := of.named(suffixOf(sizeOf(size)))
			r.Work, r.Limit, r.once, r.order.Body = workSizes, "", true, size
			if name != "tcp-stream" {
				r.Limit = "tcp-stream" + suffixOf(sizeOf(size))
			}
			all = append(all, r)
		}
	}
	return all
}

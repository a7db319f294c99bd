package main

// What rows do, as the tables are headed.
const (
	workCall      = "direct, synchronous"
	workStream    = "direct, asynchronous"
	workTransient = "mailbox, transient"
	workDurable   = "mailbox, durable, confirmed"
	workLone      = "mailbox, one publisher that waits for each confirm"
	workClients   = "RabbitMQ's own clients"
	workSizes     = "body sizes"
)

var toPeer = []string{"receiver", "sender"}

func directRows() []*row {
	return append(callRows(), streamRows()...)
}

// callRows wait for an answer before the next message.
func callRows() []*row {
	call := func(name, title string, o order, roles ...string) *row {
		return &row{Work: workCall, Name: name, Title: title, Limit: "tcp-echo", ByLatency: true, roles: roles, order: o}
	}
	many := func(name, title string, o order, roles ...string) *row {
		o.Callers = manyCallers
		r := call(name, title, o, roles...)
		r.Limit, r.ByLatency = "tcp-echo-64", false
		return r
	}
	echo := call("tcp-echo", "raw TCP echo", order{}, "echo", "caller")
	echo.Limit = ""
	shared := many("tcp-echo-64", "raw TCP echo, 64 callers on one connection", order{}, "shared-echo", "shared-caller")
	shared.Limit = ""
	return []*row{
		echo,
		call("direct-send", "Postrider, Send to a peer", order{}, toPeer...),
		call("direct-call", "Postrider, Call of a peer", order{Call: true}, toPeer...),
		call("zmq-request", "ZeroMQ, REQ/REP", order{}, "zmq-rep", "zmq-req"),
		call("grpc-unary", "gRPC-Go, unary call", order{}, "grpc-server", "grpc-client"),
		call("nats-request", "NATS, request/reply", order{}, roleNATS, "nats-receiver", "nats-sender"),
		shared,
		many("direct-call-64", "Postrider, Call of a peer, 64 callers", order{Call: true}, toPeer...),
		many("grpc-unary-64", "gRPC-Go, unary call, 64 callers", order{}, "grpc-server", "grpc-client"),
	}
}

// manyCallers call at once.
const manyCallers = 64

// streamRows do not wait.
func streamRows() []*row {
	post := order{Post: true, Window: streamWindow}
	stream := func(name, title string, roles ...string) *row {
		return &row{Work: workStream, Name: name, Title: title, Limit: "tcp-stream", roles: roles, order: post}
	}
	limit := stream("tcp-stream", "raw TCP stream", "sink", "source")
	limit.Limit = ""
	return []*row{
		limit,
		stream("direct-post", "Postrider, Post to a peer", toPeer...),
		stream("zmq-push", "ZeroMQ, PUSH/PULL", "zmq-pull", "zmq-push"),
		stream("grpc-stream", "gRPC-Go, client stream", "grpc-server", "grpc-client"),
		stream("nats-publish", "NATS core", roleNATS, "nats-receiver", "nats-sender"),
	}
}

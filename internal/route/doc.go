// Package route decides which queues a message goes to.
//
// A [Table] is everything one virtual host knows about exchanges and bindings. It never changes: each update returns a new
// Table and shares nearly all of its memory with the old one. So a publisher reads the table of the moment
// without any lock, and whoever declares and binds makes the next table and swaps it in.
//
//	t := route.New[*Queue]("/")
//	t = t.AddQueue("jobs", q)
//	t, err := t.Declare(route.Exchange{Name: "work", Kind: route.Topic})
//	t, changed, err := t.Bind(route.Binding{Source: "work", Destination: "jobs", ToQueue: true, Key: "build.#"})
//	queues, err := t.Route("work", &route.Letter{Key: "build.linux.arm64"}, queues[:0])
//
// A table is built of one structure, the persistent hash trie of trie.go. An exchange keeps its bindings in
// the shape that its kind looks them up by:
//
//	default   the queue's name is the key       one look-up
//	direct    key → destinations                one look-up
//	fanout    destinations                      read them all
//	topic     word → word → … → destinations    topic.go: each node is visited at most once, however many # there are
//	headers   every binding in turn             headers.go
//	x-consistent-hash   one of the bindings     share.go
//
// A destination is a queue or another exchange. Exchanges that forward to each other may form a circle: each is visited
// once for a message, and each queue gets it once.
//
// What is removed takes others with it: a queue its bindings, an auto-delete exchange goes with its last binding.
// [Removed] names all that went, so that the caller can write it down.
//
// Errors are [amqp.Error] and say what RabbitMQ says in the same place. The package is pure: no goroutine, lock, clock
// or randomness.
package route

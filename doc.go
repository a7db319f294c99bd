// Package postrider passes messages between processes in four ways, with two verbs and one kind of
// target.
//
// A message goes to an inbox, and the only question is where that inbox lives. Directly:
// in the recipient's own process, a [Node.Peer]. Indirectly: in a [Node.Mailbox] on a broker, where
// whoever works on it takes it from. The second question is whether the sender waits:
// [Target.Send] does, until the message has been received; [Target.Post] does not.
//
//	                 Send: waits                        Post: goes on
//	Peer, direct     it is in the peer's inbox          kept here until it is in the peer's inbox
//	Mailbox          the broker has stored it           kept here until the broker has stored it
//
// # A node
//
// Everything begins with a node, this process's part of the system:
//
//	n, err := postrider.Start(ctx, postrider.Config{
//		Name:   "billing",
//		Listen: "127.0.0.1:5671",
//		Peers:  map[string]string{"shipping": "127.0.0.1:5681"},
//	})
//	if err != nil {
//		return err
//	}
//	defer n.Close()
//
// With Listen it can be sent to, with Peers it knows whom to send to; nodes that use the same brokers find each other without, see [Node.Peers]. A node needs no
// broker: one is embedded in it and holds its inbox and its mailboxes. [Config.Brokers]
// puts mailboxes on a broker of their own, `postrider serve` or RabbitMQ, and changes
// nothing else in the program.
//
// # Sending
//
//	err := n.Peer("shipping").Send(ctx, Order{ID: 7})
//	rc, err := n.Mailbox("invoices").Post(ctx, []byte("…"))
//
// Bodies of type []byte (or *[]byte) and string travel as they are, anything else as JSON, or as one of [Config.Codecs] has it.
//
// A send ends in one of a few ways. No error means that the target has the message. Otherwise the
// error is a [*SendError]: its cause is [ErrNoSuchTarget], [ErrPeerDown], [ErrFull], [ErrRefused],
// [ErrClosed], a [*RemoteError] or the context's, found with [errors.Is] and [errors.As];
// and MaybeDelivered tells "certainly not delivered" from "written, and never confirmed".
//
//	var failed *postrider.SendError
//	switch {
//	case err == nil:
//	case errors.As(err, &failed) && failed.MaybeDelivered:
//		// ask the peer, or send again under the same ID
//	case errors.Is(err, postrider.ErrPeerDown):
//		// it did not arrive, and will not
//	}
//
// A Send to a peer that is down waits for it until its context ends. A Post to it returns at once
// and is kept within bounds until the peer is back, with [Config.Dir] on disk and across restarts. Its [Receipt] tells the same story
// later: [Receipt.Wait] returns how far the message came, [Stored] or [Received], or the SendError.
//
// Who has to know more asks for it: with [Until] ([Handled]) a Send returns, and a receipt ends, when the recipient's handler has returned
// nil. With [Until] ([Kept]) a Send returns as soon as the message is on this node's own disk; of a Post [Receipt.WaitFor] tells that.
//
// Connections are made when they are first needed, and made again when they break. What was not confirmed
// by then is sent again, in order, under the same ids.
//
// # Sharing
//
// A [Node.Topic] is a third kind of target: everyone who receives from it gets a copy of each message.
//
//	err := n.Topic("prices").Send(ctx, Price{"DAX", 18000}, postrider.Key("eu.dax"))
//	err = n.Handle(ctx, n.Topic("prices", postrider.Matching("eu.*")), show)
//
// # Receiving
//
// A handler is called for each message. What it returns settles the message:
//
//	err := n.Handle(ctx, n.Mailbox("invoices"), func(ctx context.Context, m *postrider.Message) error {
//		var inv Invoice
//		if err := m.Decode(&inv); err != nil {
//			return postrider.Reject(err) // nobody can ever read it: a dead letter
//		}
//		return book(ctx, inv) // nil: done with it
//	}, postrider.Workers(4))
//
// An error is a failure: the message comes again, later and later, and after ten of them is a dead letter, which
// [Target.Dead] receives like any other. [Retry] asks for it again without a failure.
//
// A message is acknowledged after it was handled. If the process dies before, the message is
// handed out again, marked [Message.Redelivered]; a handler may therefore see it twice. A node
// recognises what it has handled already by the message's id, with [Config.Dir] after a restart, too, and drops it.
//
// One queue is one bottleneck. A mailbox with [Partitions] is several: messages of one [Key] are handled in order, different keys at the
// same time, and the workers that are there share the partitions between them.
//
//	orders := n.Mailbox("orders", postrider.Partitions(8))
//	err := orders.Send(ctx, order, postrider.Key(order.Customer))
//
// A loop receives without a handler: from the inbox, or from the mailbox or topic that [Of] names. [From] lets it wait for one sender and learn when that one is down:
//
//	for m, err := range n.Messages(ctx, postrider.From("shipping")) {
//		if err != nil {
//			return err
//		}
//		…
//		m.Ack()
//	}
//
// # Asking
//
// [Call] sends a request, to a peer or a mailbox, and waits for the answer that the handler gives with
// [Message.Reply]. A handler's error comes back as a [*RemoteError]. It waits no
// longer than its context says, and where that has no deadline than [Config.CallTimeout].
//
//	price, err := postrider.Call[Price](ctx, n.Peer("shipping"), Parcel{Kilos: 3})
//
// [Gather] asks many at once and yields their answers as they come.
//
// The context of a call's handler ends when the caller's does: his deadline travels with the request, and when he gives up, a control message
// follows it.
//
// # Control
//
// Beside messages there are control messages, which wait behind none of them: over a connection of their own, past outbox, inbox and
// handlers. [Target.Ping] is one, and the application has its own:
//
//	err := n.Control("pause", func(ctx context.Context, m *postrider.Message) error { … })
//	err := n.Peer("shipping").Send(ctx, "for an hour", postrider.Control("pause"))
//
// # Around messages
//
// A message has an id, which the caller may choose with [ID], a [Key] and headers of the application's own, [Header]. [SendMiddleware] and
// [HandleMiddleware] are put around everything that a node sends and handles, for what concerns all messages; packages postriderotel and
// postriderprom are such. [Config.Observe] is told what happens to each message, and [Node.Stats] how the node is doing.
//
// # Security
//
// A node that has no [Config.TLS] listens on loopback addresses only. Who connects has to be one of [Config.Users], and may only
// put messages into the inbox, in whatever name it gives itself: [Message.From] is not proven, [Message.SealedBy] is. A broker has users and permissions of its own, see package broker; nodes have theirs in the
// URLs of [Config.Brokers] and [Config.Peers], with amqps:// for TLS.
//
// Nodes that have certificates of one authority, as postrider keys new makes them, let in and send to one another and nobody else:
//
//	keys, err := postrider.LoadKeys(os.DirFS("./postrider-keys"), "billing")
//	cfg := postrider.Config{Name: "billing", Listen: ":5671", Peers: map[string]string{"bob": "amqps://bob.example.com:5671"}}
//	keys.Secure(&cfg)
//
// With [Config.Keys] what goes to peers and mailboxes is sealed: nobody but its receivers can read it, no broker among them, and they know who wrote it:
//
//	keys, err := postrider.LoadKeys(os.DirFS("./postrider-keys"), "billing") // of postrider keys new and postrider keys seal
//	n, err := postrider.Start(ctx, postrider.Config{Name: "billing", Keys: keys, …})
//	… m.SealedBy()
//
// # In other words
//
// Who knows RabbitMQ: a mailbox is a durable queue (a quorum queue on a RabbitMQ), Send waits for the publisher confirm and a Receipt is
// one, a handler is a consumer with a [Prefetch] whose nil is an ack and whose error is a nack with a delay, [Reject] is a nack without
// requeue, [Target.Dead] is the queue of a dead letter exchange, a topic is a topic exchange and a [Key] a routing key,
// [Partitions] are queues with a single active consumer behind a hash, and [Call] is reply-to with a correlation id.
//
// Who knows gRPC: [Call] is a unary call whose server is a handler, Post after Post is a client stream, [Gather] calls many; the deadline and the
// cancellation of the context reach the handler, metadata is [Header], interceptors are middleware, a status is a [*RemoteError], and every call
// waits for ready.
//
// # Tests
//
// Package postridertest is a network of nodes and brokers in memory, which can be broken, with a record of what happened to messages.
//
// # Ending
//
// [Node.Shutdown] ends a node in good order: what is in the inbox, and in mailboxes in this node's own memory, is handled, and what
// was posted is delivered. [Node.Close] ends it at once: what was posted and has not arrived is dropped, unless [Config.Dir] keeps it.
package postrider

// Package client is an AMQP 0-9-1 client that outlives its connections. A [Conn]
// keeps one connection up; its [Publisher] sends and calls, its [Consumer]s
// receive. What the caller wanted (queues, consumers, messages to be confirmed)
// is brought about again on each new connection, without the caller's doing. It
// works on our own broker and on RabbitMQ from 3.10.
//
// # Publishing
//
// A message is encoded once, on the caller's goroutine, into the send log: a list of
// byte chunks with an entry for each message. The log is the outbox of the
// socket and the record from which a new connection is caught up:
//
//	Post, Send ──encode──► │ held │ ◄─cursor─ writer ──► │ written, unconfirmed │ ◄─tail─ confirms
//	                           ▲────────── a new connection rewinds ──────┘
//
// Each message has a [Fate], which is decided exactly once: confirmed, refused, not
// routable, or given up by its sender. Whether it was written before tells an
// error that certainly prevented delivery from one that may not have.
//
// A broker that closes the connection over what was published (a message that is too
// large, say) does not say over which. If one message was unconfirmed it is the
// one; else they are sent again one at a time until it shows, so that a
// poisonous message fails alone and stops nobody else.
//
// Order is kept, across connections too: a replay starts at the oldest
// unconfirmed message. It may repeat what the broker had taken; messages keep their ids.
//
// # Consuming
//
// A [Consumer] has a channel of its own, so that its prefetch and its errors are its
// own. Acks are gathered and written with the next piece, one ack for all below the
// oldest unsettled tag. When a channel is lost, the acks of its deliveries are
// dropped: the broker delivers those again, marked redelivered.
//
// # Goroutines
//
// Per connection: a manager that dials and asks (see [Conn]), a reader that decides fates
// and hands over deliveries, and the link's writer. Locks are taken in this
// order: wire.mu, then Consumer.mu; Publisher.mu and Conn.mu are leaves.
package client

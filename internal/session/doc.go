// Package session holds the state of one AMQP 0-9-1 connection and of its
// channels: [Server] for the side that was connected to, [Client] for the side
// that connected. It knows what may come when, answers what the protocol alone
// can answer, and puts contents together. It does not read or write a socket,
// look at a clock, or know what a queue is.
//
// The shell around it reads frames and passes them in, one at a time:
//
//	bytes ─► amqp.ParseFrame ─► Server.Receive ─► Event{Kind, Method, Content, Reply}
//	                                │
//	                                └► *amqp.Error ─► Server.Fail ─► the close to send
//
// and performs what comes back, in this order: first what the event asks for
// (the message to publish, the consumers of a closed channel to release), then
// Event.Reply onto the wire. Event.Reply, Event.Method and Event.Content's
// struct are the session's own and valid until its next call; the bytes of the
// content are new and belong to whoever receives the event.
//
// The life of a connection, as the server sees it (the client's is the mirror):
//
//	header ─Preamble─► start ─StartOk─► login ─AcceptLogin─► tune ─TuneOk─► open
//	                                                                         │ Open
//	   closed ◄─CloseOk─ closing ◄─Fail(connection)─ ready ◄─AcceptOpen─ vhost
//	      ▲                                            │
//	      └────────────────────Close───────────────────┘
//
// and of a channel:
//
//	  ┌────────────Close (answered)──────────┐
//	  ▼                                      │
//	free ──Open (answered)──► open ──────────┤
//	  ▲                         │ Fail(channel)
//	  └──CloseOk── closing ◄────┘
//
// "After sending this method, any received methods except Close and Close-OK
// MUST be discarded": closing, of a channel or of the connection, is that state.
// A number is free again once its close-ok came.
//
// Beside the two stand the books that a channel keeps: [Ledger] (deliveries
// that wait for an ack), [Confirms] (publishes that wait for one) and
// [ConfirmQueue] (confirms that wait for the journal).
package session

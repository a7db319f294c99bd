// Package server is the AMQP listener of a broker: one connection is a session
// (what may come when), a link (the socket) and calls into the core.
//
//	R, the reader   link.Read ─► amqp.ParseFrame ─► session.Receive ─► core: publish, settle, declare
//	W, the writer   link asks Conn.Next ─► outbox: deliveries and replies in order, then confirms ─► socket
//
// R does everything for all frames of a burst and only then wakes each touched
// writer, once. All that R and the queues put into a connection's outbox leaves
// in that order, so consume-ok precedes the first delivery and basic.return its
// confirm.
//
// Where somebody waits for little, who caused it writes it, without W: R at the end of a
// small burst, and the journal's writer when only one or two connections wait for its sync.
// Next is told, and leaves to W what may have to wait: reading what was paged out, and
// resuming consumers.
//
// # Who owns what
//
//   - R owns the session, the channels' settings and the burst.
//   - Conn.out.mu guards the outbox and each channel's books: outstanding
//     deliveries, confirms, consumers. It is a leaf: queues reach it with their
//     own lock held.
//   - Whoever holds the link's writing right owns what Next encodes.
package server

// Command bench measures how fast postrider is, and says it beside the limit: what the machine
// does when nothing stands between the processes but a socket, or between the message and the
// disk but a file. Others do the same work in the same rounds: ZeroMQ, gRPC-Go, NATS, Redis and RabbitMQ.
//
// # One run of one row
//
// The parent starts this binary again for each process of a row and speaks with it over stdin and
// stdout, a line of JSON at a time:
//
//	parent                        child
//	order ──────────────────────►  prepare: listen, connect, open
//	      ◄──────────────────────  ready, with its address
//	go    ──────────────────────►  work
//	      ◄──────────────────────  tally: what was moved, when, at what cost
//	end of stdin ───────────────►  close, exit
//
// So nothing outlives the parent. A child may be the keeper of another program, which it starts, speaks for, and ends: a server
// (service.go), or a client in another language (program.go). RabbitMQ is started once for all rows.
//
// # What is checked
//
// Each body carries its number and a pattern made from it. The receiver checks that
// every message comes once, in order, undamaged; the parent, that both sides counted the same; the
// broker, that nothing is left in its mailbox. A run that moved anything else has no figures: it fails.
package main

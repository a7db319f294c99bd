// Command bench measures how fast postrider is, and says it beside the limit: what the machine
// does when nothing stands between the processes but a socket, or between the message and the
// disk but a file. With -amqp the mailbox rows run against another broker, too, in the same rounds.
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
// So nothing outlives the parent.
//
// # What is checked
//
// Each body carries its number and a pattern made from it. The receiver checks that
// every message comes once, in order, undamaged; the parent, that both sides counted the same; the
// broker, that nothing is left in its mailbox. A run that moved anything else has no figures: it fails.
package main

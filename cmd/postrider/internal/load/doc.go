// Package load puts a load of a chosen shape on a target, from processes of their own, and keeps books on every message.
//
//	Run ──┬── broker       postrider serve, unless the user named one
//	      ├── sender-1 …   each with one or several senders, which share its connections
//	      └── receiver-1 … or bob, the peer, in whose process all receivers are
//
// Each sender numbers its messages. A body says whose it is, which, and when it was due, and has a checksum over all of that; receivers
// keep the set of numbers that came, so that what was confirmed and is missing, what came twice and what came out of order
// is counted one by one, however many there are.
//
// With a rate the load is open: messages are due at their times, whatever became of those before, and every latency counts from
// when a message was due. A slow target so cannot hide by slowing its senders down.
package load

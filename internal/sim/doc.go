// Package sim runs the whole broker under a seed: clients, network, sessions,
// queues, journal and disk in one goroutine, thousands of short lives a minute,
// and after each the question whether a promise was broken.
//
//	make sim FOR=10m                                                 try seeds for ten minutes
//	go test ./internal/sim -run TestSeeds -v -seed 4711              replay one, with its story
//
// What is simulated is what ships: the real server, core and journal. Only what
// lies around them is made here: a network that delivers in pieces of any size
// and cuts connections at any byte (wire.go), a disk whose power fails at any
// operation and keeps any part of what was not synced (drive.go over disk.Mem), a
// clock that moves when told to, beside one on the wall that is put forward and
// back (clock.go), and clients that publish, consume, settle, requeue, reject, come
// and go (client.go, acts.go).
//
// # One goroutine
//
// Whatever may wait, such as a connection's reader or the journal's writer, is a
// coroutine: it runs when it is drawn, until it parks (coroutine.go). The dice
// decide who is drawn (actors.go), also in the midst of a write or a sync. So a
// seed is one run, to the byte; TestASeedIsOneRun holds that.
//
//	program   steps, written from the seed: publish, ack, cut, crash, …     program.go
//	  └ step  what a client, the disk or the clock does                     steps.go, acts.go
//	      └ micro steps: reader, writer, network, journal, timer, drawn     actors.go
//	ending    rest, stop, start, empty all queues, balance the books        ending.go
//
// # What is checked
//
// The ledger (ledger.go) knows what clients know, and never looks into the broker.
// What may hold for a queue while its policies change is in rules.go:
//
//	lost         a confirmed message is there, or it is known where it went
//	unexpected   nothing arrives that was not published, or in a queue that it was not routed to
//	changed      body, priority, mode and CC arrive as they were sent, and BCC does not
//	redelivered  what comes again says so; what says so had a reason
//	settled      what was acknowledged, and handled, does not come again; what is on disk not even after a crash
//	order        first in, first out for each publisher, queue and priority
//	prefetch     no consumer has more than it asked for, and no channel
//	shared       of the queues of a consistent-hash exchange one gets the message, and all messages with its key
//	death        a dead letter tells where and why it died, and that could be
//	returned     mandatory messages without a queue come back before their confirm; others never
//	confirm      every publish on a channel that lives is confirmed, once, in the end
//	stuck        no ready message beside a consumer that waits
//	count        a queue holds as many messages as it says
//	limit        and no more than it may, policies included that were answered
//	transaction  what was not committed never arrives; what was is on disk with the answer
//	early        nothing comes before the time for which an exchange was to keep it, however the clock is put while the broker runs
//	late         nothing comes when its time is over; a clock that was put back gives as much once more, at a start
//	leak         when all was consumed, the journal holds on to the names alone
//	start        the broker starts, whatever the power failure left
//	checkpoint   after an orderly end it does so from the checkpoint, and all is as it was, flags of redelivery too
//
// # When a seed fails
//
// The program is made as short as it can be while it breaks the same rule
// (shrink.go), and its story is told line by line, operations on the disk
// included. Leaving steps out leaves the others as they were, since each carries
// dice of its own.
package sim

// Package coord lets processes agree by passing messages: who may do something ([Lock], [Semaphore]), who leads
// ([Election]), when all are there ([Barrier]), and what the present value of something is ([Value]). It uses mailboxes
// and nothing else, so that it works on every broker that postrider does: our own, and RabbitMQ, where a
// mailbox is a replicated queue.
//
//	lock := coord.NewLock(node, "invoices")
//	held, err := lock.Acquire(ctx)
//	if err != nil {
//		return err
//	}
//	defer held.Release()
//	… db.Write(row, held.Fence()) …
//
// All processes that coordinate have to use the same broker, in [postrider.Config.Brokers]; a node without
// one coordinates the goroutines that use it. A name has 1 to 200 bytes. Mailboxes whose names begin with coord. are this package's: such a node, when it ends, counts nothing
// in them as lost.
//
// # How it works
//
// At the bottom is a seat: a mailbox that serves one receiver at a time ([postrider.SingleActive]). Who waits to be served
// stands in line at the broker, in the order of asking. In the mailbox lies a claim, a message with a number; whoever is served receives it, sends
// one with the next higher number, and has the seat when that one has come back to it:
//
//	            ┌ claim 7 ┐                 ┌ claim 8 ┐
//	bob is served: receives 7, sends 8 ──► receives 8: has the seat, settles 7, keeps 8 unsettled
//	bob leaves, or dies: the broker serves carol ──► receives 8, sends 9 …
//
// A claim is settled only when a higher one is stored, and only by who was served with both. So the number
// is kept over crashes of anybody, brokers too, and two that have the seat never have the same number: each has a
// higher one than all before. A broker in memory forgets it with its process, and one with a policy that
// ends or drops messages of coord.* (docs/OPERATING.md) when that does: numbers and values begin anew then.
//
// # What is promised, and what cannot be
//
// No two processes that the broker serves hold the same lock. But a broker can only serve somebody else when it finds the holder gone: at once
// when its connection ends, after up to two heartbeat intervals (a minute) when its machine falls silent. And a holder
// that was given up, because it was cut off or merely slow, may not have noticed yet. Nothing that works over a network can rule that out. What
// rules out the damage is the number: [Held.Fence] grows with each holder, so that a store which remembers the highest
// number it was shown can turn away whoever comes with a lower one. [Held.Lost] tells the holder, as soon as this process knows.
//
// Who waits costs the broker a consumer, and a small message every ten seconds; who holds something, two every minute, of which one is stored: a copy that takes the
// place of the claim, for brokers take from a receiver what it does not settle in half an hour. An acquisition costs three small messages, of which one is stored. That is for
// things that happen some hundred times a second at the most, as work does that needs a lock; what flows needs mailboxes.
package coord

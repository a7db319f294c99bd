// Package core is the broker without its wires: names, publish, settle and
// recover. It joins the routing table, the queues and the journal into virtual
// hosts, and it is the same for a client on a socket and for one in this
// process.
//
// # What a publish does
//
//	Publisher.Publish ─► route.Table ─► for its queues: reserve a position
//	                  ─► journal.Append(Enqueued{positions, message})   one record, however many queues
//	                  ─► for each queue: lock, Push, effects to the sinks, unlock
//	                  ─► Outcome{LSN}: the publisher is confirmed when the journal is durable beyond it
//
// # Who owns what
//
// A [Queue] is a monitor: a mutex around a pure queue.Queue, run by whichever
// goroutine has work. The routing table is immutable and swapped; changes of
// topology are serialised by VHost.mu.
//
// Locks are taken in this order, and no goroutine holds two of a kind:
//
//	VHost.mu ─► Queue.mu ─► leaves (a Sink's own, the journal's intake, Core.waiting)
//
// A [Sink] and the journal are leaves: they are reached while a queue's lock is
// held and never call back. What must be done without a lock (waking writers,
// deleting a queue whose last consumer left) is gathered in a [Burst] and done
// by [Burst.End].
//
// # What is in memory
//
// A queue holds references (ref.go). Beyond a budget the messages lie in the
// journal alone (paging.go), and whoever delivers one reads it back, without
// locks (load.go). Where that does not help, publishers have to wait (alarm.go).
//
// # What the journal holds
//
// Facts, never commands: QueueDeclared, Enqueued, Settled and so on (records.go).
// Recovery folds them (recover.go). A fact that must outlive its segment is
// appended anew by the compaction (carry.go).
package core

// Package nodes is the torture of the Go API: nodes that send and handle in every way, and the broker that they use, each a process of its own
// that is killed with signal 9 again and again; between them the bad network of package proxy. What the nodes tell, see package told, is
// judged here, in the parent.
//
//	ann ─┐             ┌─ ann, bea     in memory
//	bea ─┤  [proxies]  ├─ cid, dot     with a directory: inbox, outbox
//	cid ─┤             │
//	dot ─┘             └─ postrider serve, or RabbitMQ: jobs; parts, in order for each key; news, with durable subscriptions
//
// The seed of a run decides whether peers are also reached over the broker, and whether everything has TLS.
//
// # What may not be
//
//   - lost: what was confirmed to a sender, or kept on its disk, and nobody has handled when all is well again. What was received in memory ends
//     with its process; that is all that may be missing.
//   - handled: a sender was told so, and no handler had come to its end by then.
//   - never: a message came although its sender was told that it certainly did not. Or nobody ever sent it.
//   - repeat: one life of a receiver was handed a message more often than its handlers failed upon it.
//     A node with a directory: also when an earlier life had handled it, and was not killed within moments.
//   - order: a message that was confirmed came, for the first time, after a later one of the same sender to the same target, or of the same key.
//     For a subscriber: where it was not on its way to it before. Not judged are jobs, whose receivers compete, so that copies of what was sent again
//     go to different ones; and at a receiver in memory what a sender asks about again until it was handled, for its last life may have had it first.
//     Relayed and direct messages have an order each; those of which the sender does not learn the way are not judged, nor is what was
//     relayed to the receiver's last life and came back, marked, when the broker learned that its connection is dead.
//   - late: a call ended more than a second after its deadline, and the time for which its process was not let run.
//   - wrong: what a node sees for itself: a receipt or call that does not end, a goroutine that stays after Close, a data race, a panic.
package nodes

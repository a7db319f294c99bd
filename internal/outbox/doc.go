// Package outbox keeps what a node has posted and nobody has confirmed yet, in a journal of its own, so that it survives the
// process. It knows neither connections nor what the messages say:
//
//	Keep ──► posted {ticket, target, expiry, bytes} ──► journal, synced soon after
//	Done ──► done {tickets}                         ──► what was confirmed is not sent again
//	Open ──► reads both ──► Take(target): what is left of a former life, in the order of posting
//
// A ticket is the address of the record that a message was first kept in; it stays the same when compaction carries the message
// to another place. What was done and not yet synced may come back once more: the receiver knows it by its id.
package outbox

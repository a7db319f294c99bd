// Package told is what a node that may be killed tells its parent, who may kill it: one line for each thing that it does, is told by
// Postrider, or sees in a handler, written to a pipe in one call before it goes on. What a node has told is in the pipe when it is killed.
//
//	begin   before a send, post, call or ping, with its deadline
//	end     how it ended: kept, stored, received, handled, answered; maybe, never (see postrider.SendError); unknown
//	fate    the same of a receipt, later
//	kept    a receipt has said Kept
//	got     a handler was called
//	done    it is about to return nil; failed: an error
//	up      the node listens;  quiet  it sends nothing more, and all receipts have ended;  closed  it has ended in good order
//	wrong   it has seen by itself what may not be: a goroutine that stays, a body that is another, a wait that does not end
//
// Times are those of the machine's monotonic clock, one for all processes.
package told

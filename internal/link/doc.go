// Package link is one socket: a reader that hands out bursts of bytes, and a
// writer that coalesces.
//
// The writer has no timer and no queue of its own. What is to be sent lives
// with its owner, a [Source]; the link asks for the next piece when the socket
// is free. Whatever the owner gathered while the last piece was being written
// is the next piece, so batches grow with load and a lone message leaves at
// once.
//
//	owner: append to its outbox ── Wake ──► writer goroutine: Next, write, Next, write, … until nothing is left
//	                           └── Flush ─► the caller itself writes, if the socket is free and takes it without blocking
//
// Wake is for throughput: it costs one atomic load when the writer is already
// awake. Flush is for latency: it saves the switch to another goroutine. It
// never blocks, so a peer that has stopped reading stalls the writer
// goroutine alone and never its caller.
//
// A write that makes no progress for Config.Stall ends the link with
// [ErrStalled]. Memory is bounded by the owner (what it lets pile up) and by
// Config.MaxRead (the longest frame that the reader must hold whole).
package link

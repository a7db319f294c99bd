// Package socket reads and writes a connection's socket: it waits for bytes to come, and never for room to write.
//
// On Linux it spares what a system call costs in Go beside the call. Go's scheduler takes each for one that may wait: whichever call comes first
// after all its processors have rested wakes the runtime's monitor thread (sysmon), which looks around every 20 µs until they rest again.
// Where one message goes and one comes, that is a thread woken and put to sleep for each, beside the two that have to be. A socket
// that does not block needs none of this, so its calls are quick ones, of which the scheduler does not hear:
//
//	calls are rare  ──64 calls──►  often: a timer beats each 10 ms; calls are quick
//	       ▲                                  │
//	       └────── 10 ms without a call ──────┘
//
// The monitor thread is needed for one thing: to take the processor from a goroutine that computes for long, so that others run. It sleeps
// only while all processors rest, and then never beyond the next timer. That is what the beat is for. It is set before the first quick call
// and before a call that wakes the monitor; from then on the monitor is awake, or will be within a beat, and as long as
// whoever sees the beat is running it does not go to sleep. So a handler that computes is interrupted a few beats later than it would be, and no more. While calls are rare
// there is no beat: nothing runs in a process that rests.
//
// Under the race detector, which takes what went through a socket for an order of things, each call is as the standard library makes it.
package socket

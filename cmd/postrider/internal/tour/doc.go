// Package tour shows the four ways of passing a message between processes that are really
// separate, and what becomes of messages when one of them is killed.
//
//	tour ──┬── broker   postrider serve, with a journal in a temporary directory
//	       ├── alice    sends
//	       ├── bob      receives
//	       └── …        further senders and receivers, for the load
//
// The processes are the program's own binary again. The tour tells the nodes what to do in lines of
// JSON on their stdin, and they tell what they saw on their stdout; so nothing is
// waited for by the clock. Each scene checks what was observed, and a tour in which a check
// did not hold fails. A process whose stdin ends goes away by itself: none is left
// behind, however the tour ends.
package tour

// Package ballast keeps the garbage collector from running all the time in a process that holds little and moves much.
//
// Go collects when the heap has doubled since the last time, or has 4 MiB. A process whose messages come and go holds a few MiB at most, so it collects
// a hundred times a second, and half of its work is that. Ballast is memory that is held and never touched: it counts as heap, so the heap doubles
// later, and costs nothing but the garbage that may lie until then.
package ballast

// Package measure is what the bench and the command line measure with: one clock for all processes
// of a machine, a pace that counts from when something was due, latencies, and what a process has used.
//
// Where there is no such clock, precise sleep or /proc, it does with what there is: see the functions.
package measure

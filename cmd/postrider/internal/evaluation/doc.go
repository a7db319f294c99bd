// Package evaluation puts the user's workload on each of the four ways in turn, breaks what may break, and says what follows from
// the figures.
//
//	for each way:  steady      the workload, undisturbed: latencies, CPU, memory
//	               full speed  how much the way could carry
//	               a fault     the workload again, each fault in a run of its own, a fate counted for each message
//
// Running is a matter of the package load. What is made of it is pure: fates (fate.go), lines over time (timeline.go), advice by
// rules over figures and needs (advice.go), and the ways it is shown in.
package evaluation

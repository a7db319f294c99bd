// Package broker runs the real program, `postrider serve`, as a process that can be stopped in good and in bad ways.
package broker

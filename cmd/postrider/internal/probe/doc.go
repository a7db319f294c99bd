// Package probe asks an AMQP server one thing at a time, for people who want to know or to mend.
//
// A [Line] asks who the server is and how fast it answers, and leaves no trace there: no message, no queue. A node's
// inbox answers as well as a broker does, for opening a channel is open to anybody who may log in.
//
// A [Channel] works on queues: it looks at messages, moves them and removes them, each step safe before the next.
package probe

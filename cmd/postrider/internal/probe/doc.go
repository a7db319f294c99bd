// Package probe asks an AMQP server who it is and how fast it answers, without
// leaving a trace there: no message, no queue. A node's inbox answers as well as a
// broker does, for opening a channel is open to anybody who may log in.
package probe

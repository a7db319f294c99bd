// Package behaviour tells the stories of internal/behaviour of the brokers that are programs of their own: `postrider serve`, a
// RabbitMQ, and a cluster of three, whose nodes are killed one after the other in the midst of traffic.
package behaviour

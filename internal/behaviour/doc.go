// Package behaviour is what the Go API does, as stories that are told of every place where it runs: on the broker embedded in a
// node and on one in memory, in a bubble of time; on `postrider serve`; on a RabbitMQ; on a cluster of three RabbitMQs.
// A story knows nothing of the place beyond its [Stage], so that a program that was written for one place runs on every other.
//
//	Stage: brokers, network, patience  ──►  World: one story's nodes, mailboxes and cuts  ──►  Story
//
// The bubble's tests are here; those that start other programs are in interop/behaviour.
package behaviour

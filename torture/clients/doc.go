// Package clients is who uses the broker in a torture run: publishers and consumers of every kind, each with a
// connection of its own, made with RabbitMQ's own Go client. They tell a history what they do and see.
//
// An actor lives as long as the run and plays one part in each life of the broker: it connects, works until the stage
// ends or the connection breaks, and forgets everything that a client would forget.
package clients

// Package differential plays the same generated programs against our broker and
// against a RabbitMQ, and compares everything that a client can see: replies,
// returns, confirms, deliveries, closes with their codes and texts, how many
// messages and consumers each queue has after every step, and what is in the
// queues at the end.
//
// A program comes from a seed (Generate). It is a list of steps, each a method
// or some octets on one of two channels of one of two connections, see Step. A
// world plays it against one broker. What is asynchronous is awaited after every
// step: each channel is asked a question whose answer comes behind whatever it
// has to say, each queue is inspected, and that is repeated until nothing has
// moved between two rounds. So what a step shows is the same in every run, and
// differs between brokers only where they do.
//
// Names that a server makes up, delivery tags and times are normalised. On a
// difference the program is shortened as long as it still shows one (Shrink),
// and printed. What differs on purpose is in the table of differences.go, with
// the reason; an entry that a long run has not needed is reported.
package differential

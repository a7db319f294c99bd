// Package policy decides which policy holds for a queue or an exchange, and
// what comes of it together with the arguments of the declaration.
//
// It is pure: no lock, no clock, no disk, and patterns come compiled. Who holds
// a virtual host's policies keeps them in two Books, one of users' policies and
// one of operators', and asks again whenever one of them changes:
//
//	Book.Find(name, kind)        the one policy of each book that holds
//	Merge(user's, operator's)    what both say: of a number the lower one
//	Arguments(kind, args, …)     the arguments as if all had been declared with the queue
//
// So the rest of the broker knows arguments alone. The rules are those of
// RabbitMQ 3.10; where it leaves the choice to chance, between two policies of
// equal priority, the name decides.
//
// # Which of two values
//
//	                             policy and operator's   policy and argument
//	message-ttl, max-length,     the lower               the lower
//	max-length-bytes,
//	delivery-limit,
//	consumer-timeout
//	expires                      the lower               the lower; in a quorum queue the policy's
//	overflow                     –                       the argument; in a quorum queue the policy's
//	dead-letter-exchange,        –                       the argument
//	dead-letter-routing-key,
//	alternate-exchange
//
// A policy with a setting that a kind of queue does not have does not hold for
// queues of that kind at all: that too is RabbitMQ's rule.
package policy

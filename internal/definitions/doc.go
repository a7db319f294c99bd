// Package definitions reads and writes what a broker is made of, as RabbitMQ
// does: one JSON object with users, virtual hosts, permissions, parameters,
// policies, queues, exchanges and bindings. So a RabbitMQ can be moved here, and
// back; a broker be set up from a file; and a topology kept under version control.
//
//	Broker.Export(vhost)        what is there now: of the whole broker, or of one virtual host
//	Broker.Import(text, vhost)  make it so, in RabbitMQ's order; what is there already stays
//
// An import merges. What exists under a name is left as it is, but users,
// permissions, parameters and policies take the values of the file; so the same
// file may be imported again and again.
//
// An import goes on after a problem, and its Report names each with its place:
//
//	queues[3] 'orders' in vhost '/': "durable" is missing
//
// What has no meaning here is kept, if RabbitMQ would keep it (parameters), or
// named in a warning. Nothing is left out silently.
//
// # Passwords
//
// Hashes that come from RabbitMQ are taken over and go back as they came. The
// broker's own, argon2id, are unknown to RabbitMQ: an export has them in a
// field of their own, "argon2id", which RabbitMQ ignores, beside an empty
// password_hash, with which nobody can log in there.
package definitions

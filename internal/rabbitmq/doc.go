// Package rabbitmq starts nodes of the RabbitMQ that the machine has, for those who compare with it: interop, side by side in
// tests, and bench.
//
// A node has ports, a directory, a cookie and a name server of its own, so that nothing of it is the machine's, and many may run
// at once. Whoever started it ends it, with all that it has started. Each wait is bounded, and what went wrong is told with the
// node's own last words.
package rabbitmq

// Package brokers starts the brokers that the tests of this module talk to:
// ours, built as its users build it, and a RabbitMQ of Debian's package, each
// with a port and a directory of its own. Both end with the test.
package brokers

// Package suites runs the tests that the authors of clients wrote, unchanged,
// against a RabbitMQ and against our broker. Whatever passes there has to pass
// here.
package suites

// Package broker is an embeddable message broker that every RabbitMQ client can
// use: AMQP 0-9-1 with publisher confirms, durable queues in a journal that is
// synced before it confirms, and no configuration.
//
//	b, err := broker.Open(broker.Config{Dir: "data"})   // Dir "" = memory only
//	ln, err := net.Listen("tcp", "127.0.0.1:5672")
//	go b.Serve(ln)
//	…
//	err = b.Shutdown(ctx)
//
// The process that embeds it needs no socket: [Broker.Dial] attaches to it
// directly, without a codec, and deliveries are function calls.
//
// A process may run many brokers; nothing is global. A directory belongs to one
// broker at a time.
package broker

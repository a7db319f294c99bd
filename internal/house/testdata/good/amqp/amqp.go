package amqp

const Name = "AMQP"

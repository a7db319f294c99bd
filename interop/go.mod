module github.com/postrider-mq/postrider/interop

go 1.26.0

require (
	github.com/postrider-mq/postrider v0.0.0-00010101000000-000000000000
	github.com/rabbitmq/amqp091-go v1.16.0
)

replace github.com/postrider-mq/postrider => ..

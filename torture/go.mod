module github.com/postrider-mq/postrider/torture

go 1.26.0

require (
	github.com/postrider-mq/postrider v0.0.0-00010101000000-000000000000
	github.com/rabbitmq/amqp091-go v1.16.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/dlclark/regexp2 v1.12.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/postrider-mq/postrider => ..

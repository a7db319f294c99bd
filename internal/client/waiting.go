package client

import (
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// A Step is how long a message may wait on a broker before it comes back to its mailbox.
type Step struct {
	Name string
	Wait time.Duration
}

// Steps are all there are, from the shortest.
var Steps = [...]Step{
	{"30ms", 30 * time.Millisecond},
	{"100ms", 100 * time.Millisecond},
	{"300ms", 300 * time.Millisecond},
	{"1s", time.Second},
	{"3s", 3 * time.Second},
	{"10s", 10 * time.Second},
	{"30s", 30 * time.Second},
	{"1m", time.Minute},
	{"3m", 3 * time.Minute},
	{"10m", 10 * time.Minute},
	{"30m", 30 * time.Minute},
	{"1h", time.Hour},
	{"3h", 3 * time.Hour},
	{"10h", 10 * time.Hour},
	{"24h", 24 * time.Hour},
}

// RetryInfix is between the name of a mailbox and that of a step, in the name of the queue where its messages wait.
const RetryInfix = ".retry."

// Queue is where messages of the mailbox of that name wait.
func (s Step) Queue(mailbox string) *Queue {
	return &Queue{
		Name:    mailbox + RetryInfix + s.Name,
		Durable: true,
		Args: amqp.Table{
			"x-message-ttl":             s.Wait.Milliseconds(),
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": mailbox,
		},
		// Without this strategy RabbitMQ may lose what it moves when a node stops; and the strategy wants that overflow.
		OnRabbitMQ: amqp.Table{
			"x-queue-type":           "quorum",
			"x-dead-letter-strategy": "at-least-once",
			"x-overflow":             "reject-publish",
		},
	}
}

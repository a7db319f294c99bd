package behaviour

import (
	"testing"

	"github.com/postrider-mq/postrider/internal/behaviour"
	"github.com/postrider-mq/postrider/interop/brokers"
)

func TestOnServe(t *testing.T) {
	behaviour.Loopback("amqp://" + brokers.Postrider(t)).Tell(t)
}

func TestOnRabbitMQ(t *testing.T) {
	behaviour.Loopback("amqp://" + brokers.RabbitMQ(t).Addr).Tell(t)
}

func TestOnACluster(t *testing.T) {
	c := brokers.RabbitMQCluster(t, 3)
	t.Run("whole", behaviour.Loopback(c.URLs()...).Tell)
}

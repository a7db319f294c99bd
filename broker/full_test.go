package broker_test

import (
	"errors"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func TestAFullQueueRefuses(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q", Args: amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"}})
	m := &broker.Publishing{Key: "q", Mandatory: true, Body: []byte("m")}
	if err := send(t, c, m); err != nil {
		t.Fatal(err)
	}
	if err := send(t, c, m); !errors.Is(err, broker.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	wantReady(t, c, "q", 1)
}

func TestAnExpirationThatIsNone(t *testing.T) {
	c := dial(t, open(t, ""))
	wantCode(t, c.Publish(&broker.Publishing{Key: "q", Properties: amqp.Properties{Expiration: "soon"}}, nil), amqp.PreconditionFailed)
}

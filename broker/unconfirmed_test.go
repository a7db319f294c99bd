package broker_test

import (
	"errors"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/disk"
)

// A message whose sync failed may be there after a restart: nobody is told that it was not taken.
func TestWhatADiskFailsUponIsUnconfirmed(t *testing.T) {
	failing := make(chan struct{})
	fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		select {
		case <-failing:
			if op.Kind == disk.OpSync {
				return errors.New("the disk is gone")
			}
		default:
		}
		return nil
	}, nil)
	b := openOn(t, fs)
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
	close(failing)
	m := &broker.Publishing{Key: "q", Mandatory: true, Properties: amqp.Properties{DeliveryMode: amqp.Persistent}, Body: []byte("m")}
	if err := send(t, c, m); !errors.Is(err, broker.ErrUnconfirmed) || !errors.Is(err, broker.ErrClosed) {
		t.Errorf("got %v, want ErrUnconfirmed", err)
	}
	<-b.Done()
	if err := c.Publish(m, nil); err == nil || errors.Is(err, broker.ErrUnconfirmed) {
		t.Errorf("got %v of what the broker did not take", err)
	}
}

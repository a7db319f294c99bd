package broker_test

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

// A disk of 128 MiB is filled and emptied, and publishers go on: what the journal keeps ahead leaves enough of it free.
func TestASmallDiskCanBeFilledAgain(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	b := open(t, filepath.Join(dir, "data"))
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
	p := &broker.Publishing{Key: "q", Properties: amqp.Properties{DeliveryMode: persistent}, Body: make([]byte, 100<<10)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		n := 0
		for ; c.Blocked() == ""; n++ {
			confirmed := make(chan error, 1)
			if err := c.Publish(p, fate(confirmed)); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-confirmed:
				if err != nil {
					t.Fatal(err)
				}
			case <-time.After(time.Second): // it waits for room
			}
		}
		if n < 600 {
			t.Errorf("the disk is full of %d messages of 100 KiB", n)
		}
		if _, err := c.PurgeQueue("q"); err != nil {
			t.Fatal(err)
		}
		if err := c.Ready(ctx); err != nil {
			t.Fatalf("the queue is empty, and publishers wait: %v; %+v", err, b.Stats())
		}
	}
}

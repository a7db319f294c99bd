package broker_test

import (
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func TestWhoWatchesAQueueIsToldHowMuchIsLeft(t *testing.T) {
	b := open(t, "")
	wantCode(t, b.Watch("q", func(int) {}), amqp.NotFound)
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q"})
	m := &broker.Publishing{Key: "q", Mandatory: true, Body: []byte("m")}
	if err := send(t, c, m); err != nil {
		t.Fatal(err)
	}
	var told []int
	if err := b.Watch("q", func(left int) { told = append(told, left) }); err != nil {
		t.Fatal(err)
	}
	if err := send(t, c, m); err != nil { // unlike after Leave it is taken
		t.Fatal(err)
	}
	var got []broker.Delivery
	if _, err := c.Consume(t.Context(), "q", broker.ConsumeOptions{}, func(d broker.Delivery) { got = append(got, d) }); err != nil {
		t.Fatal(err)
	}
	for _, d := range got {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{1, 1, 0}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

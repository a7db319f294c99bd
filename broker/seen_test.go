package broker

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// A consumer that holds messages back again and again, as one does whose handler fails, remembers those that it still has.
func TestWhatIsSettledIsSeenNoMore(t *testing.T) {
	b, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	conn, err := b.Dial(DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.DeclareQueue(t.Context(), QueueOptions{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	var tags []uint64
	c, err := conn.Consume(t.Context(), "q", ConsumeOptions{}, func(d Delivery) { tags = append(tags, d.Tag) })
	if err != nil {
		t.Fatal(err)
	}
	publish := func() {
		if err := conn.Publish(&Publishing{Key: "q", Properties: amqp.Properties{}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	c.Seen(tags[0]) // and it stays
	for i := range 1000 {
		publish()
		c.Seen(tags[i+1])
		if err := c.Ack(tags[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.seen); n > fewSeen+4 {
		t.Errorf("%d are remembered of one that is out", n)
	}
	if _, ok := c.seen[1]; !ok {
		t.Error("the one that is out is forgotten")
	}
}

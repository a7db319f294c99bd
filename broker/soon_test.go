package broker_test

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/postrider-mq/postrider/broker"
)

func ackSoon(t *testing.T, deliveries ...broker.Delivery) {
	t.Helper()
	for _, d := range deliveries {
		if err := d.Consumer().AckSoon(d.Tag); err != nil {
			t.Fatal(err)
		}
	}
}

// A handler acknowledges one message and is busy with the next for long: the first is settled all the same, which shows
// in that there is room for another.
func TestAckSoonWaitsForNobody(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c", "d")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 2})
	for _, next := range []string{"c", "d"} { // the timer runs more than once
		ackSoon(t, receive(t, in.came))
		receive(t, in.came)
		publish(t, c, "q", transient, next+next)
	}
}

// The next Ack settles all, at once and in one go.
func TestAckSoonTakesEffectWithTheNextAck(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c", "d", "e", "f", "g")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 3})
	first := in.want(t, "a", "b", "c")
	ackSoon(t, first[:2]...)
	ack(t, first[2])
	in.want(t, "d", "e", "f")
	in.wantNone(t)
}

// So does there being enough of them, and no time need pass for it.
func TestAckSoonIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const enough = 128
		c := dial(t, open(t, ""))
		declare(t, c, broker.QueueOptions{Name: "q"})
		for n := range enough + 1 {
			publish(t, c, "q", transient, strconv.Itoa(n))
		}
		came := make(chan broker.Delivery, enough+1)
		if _, err := c.Consume(t.Context(), "q", broker.ConsumeOptions{Prefetch: enough}, func(d broker.Delivery) { came <- d }); err != nil {
			t.Fatal(err)
		}
		for range enough {
			ackSoon(t, receive(t, came))
		}
		if len(came) != 1 {
			t.Fatalf("%d acknowledgements later %d more messages are there, want 1", enough, len(came))
		}
	})
}

// What was acknowledged does not come again, however its receiver ends before it was settled.
func TestWhatIsAckedSoonIsSettledAtTheEnd(t *testing.T) {
	for how, end := range map[string]func(*broker.Conn, *broker.Consumer){
		"Cancel":     func(c *broker.Conn, consumer *broker.Consumer) { consumer.Cancel(); c.Close() },
		"Close":      func(_ *broker.Conn, consumer *broker.Consumer) { consumer.Close() },
		"Conn.Close": func(c *broker.Conn, _ *broker.Consumer) { c.Close() },
	} {
		t.Run(how, func(t *testing.T) {
			b := open(t, "")
			mine, theirs := dial(t, b), dial(t, b)
			declare(t, mine, broker.QueueOptions{Name: "q"})
			publish(t, mine, "q", transient, "a", "b", "c")
			in := consume(t, mine, "q", broker.ConsumeOptions{})
			got := in.want(t, "a", "b", "c")
			ackSoon(t, got[0], got[1])
			end(mine, in.Consumer)
			left := consume(t, theirs, "q", broker.ConsumeOptions{})
			left.want(t, "c again")
			left.wantNone(t)
		})
	}
}

// The last one of a consumer that was cancelled is settled at once; what comes after the end is too late.
func TestAckSoonAfterTheEnd(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b")
	in := consume(t, c, "q", broker.ConsumeOptions{})
	got := in.want(t, "a", "b")
	in.Cancel()
	ackSoon(t, got[0], got[1])
	wantReady(t, c, "q", 0)
	c.Close()
	if err := in.AckSoon(got[0].Tag); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("after the end: %v, want ErrClosed", err)
	}
}

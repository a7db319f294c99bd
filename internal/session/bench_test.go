package session

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

func TestAPublishAloneCostsOneAllocationAndManyLess(t *testing.T) {
	s := readyServer(t)
	publish := frames(t, 1, &amqp.BasicPublish{Exchange: "amq.topic", RoutingKey: "a.b.c"}, "hello")
	ack := frames(t, 1, &amqp.BasicAck{DeliveryTag: 7, Multiple: true}, "")
	wantAllocs(t, "basic.publish", 1, alone(s.Receive, s.Rest), publish)
	wantAllocs(t, "one of many", 0, s.Receive, publish) // 0.1 or so
	wantAllocs(t, "basic.ack", 0, s.Receive, ack)
}

func TestADeliveryAloneCostsOneAllocationAndManyLess(t *testing.T) {
	c, _ := readyPair(t)
	deliver := frames(t, 1, &amqp.BasicDeliver{ConsumerTag: "ctag", DeliveryTag: 9, RoutingKey: "q"}, "hello")
	ack := frames(t, 1, &amqp.BasicAck{DeliveryTag: 7, Multiple: true}, "")
	wantAllocs(t, "basic.deliver", 1, alone(c.Receive, c.Rest), deliver)
	wantAllocs(t, "one of many", 0, c.Receive, deliver)
	wantAllocs(t, "basic.ack", 0, c.Receive, ack)
}

// alone ends the burst after each frame.
func alone(receive func(amqp.Frame) (Event, error), rest func()) func(amqp.Frame) (Event, error) {
	return func(f amqp.Frame) (Event, error) {
		ev, err := receive(f)
		rest()
		return ev, err
	}
}

func wantAllocs(t *testing.T, what string, want float64, receive func(amqp.Frame) (Event, error), fs []amqp.Frame) {
	t.Helper()
	got := testing.AllocsPerRun(200, func() {
		for _, f := range fs {
			if _, err := receive(f); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != want {
		t.Errorf("%s: %v allocations, want %v", what, got, want)
	}
}

func BenchmarkServerPublish(b *testing.B) {
	s := readyServer(b)
	fs := frames(b, 1, &amqp.BasicPublish{Exchange: "amq.topic", RoutingKey: "a.b.c"}, string(make([]byte, 100)))
	benchReceive(b, s.Receive, fs)
}

func BenchmarkServerAck(b *testing.B) {
	s := readyServer(b)
	benchReceive(b, s.Receive, frames(b, 1, &amqp.BasicAck{DeliveryTag: 7}, ""))
}

func BenchmarkClientDeliver(b *testing.B) {
	c, _ := readyPair(b)
	fs := frames(b, 1, &amqp.BasicDeliver{ConsumerTag: "ctag", RoutingKey: "q"}, string(make([]byte, 100)))
	benchReceive(b, c.Receive, fs)
}

func benchReceive(b *testing.B, receive func(amqp.Frame) (Event, error), fs []amqp.Frame) {
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range fs {
			if _, err := receive(f); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLedgerAddSettle(b *testing.B) {
	var l Ledger[uint64]
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Settle(l.Add(1), false, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLedgerSettleHundred(b *testing.B) {
	var l Ledger[uint64]
	b.ReportAllocs()
	for b.Loop() {
		var tag uint64
		for range 100 {
			tag = l.Add(1)
		}
		if err := l.Settle(tag, true, func(uint64) {}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConfirmQueue(b *testing.B) {
	var q ConfirmQueue
	position := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		for range 100 {
			position += 64
			q.Ack(position)
		}
		q.Collect(position, func(Run) {})
	}
}

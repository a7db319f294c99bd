package server

import (
	"math/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/queue"
)

const timedOut = "channel PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. " +
	"This timeout value can be configured, see consumers doc guide to learn more 0.0"

func TestADeliveryThatIsNeverAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		p := b.dial()
		p.openChannel(2)
		p.declare(1, amqp.QueueDeclare{Queue: "q"})
		p.consume(1, amqp.BasicConsume{Queue: "q"})
		p.consume(2, amqp.BasicConsume{Queue: "q", NoAck: true})
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
		p.wantDelivery(1, "m")
		since := time.Now()
		if d := p.wantDelivery(2, "m"); !d.Redelivered {
			t.Errorf("%+v", d)
		}
		if waited := time.Since(since); waited < defaultConsumerTimeout || waited > defaultConsumerTimeout+2*longestTick {
			t.Error("closed after", waited)
		}
		if end := p.end(); end != timedOut {
			t.Error(end)
		}
		p.openChannel(1)
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "n")
		p.wantDelivery(2, "n")
		time.Sleep(24 * time.Hour)
		p.quiet(1)
		p.quiet(2) // where nothing is acknowledged nothing times out
	})
}

// Who looks for a consumer that is stuck sees how long it has had what it does not acknowledge.
func TestHowLongAMessageIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		p := b.dial()
		p.openChannel(2)
		p.declare(1, amqp.QueueDeclare{Queue: "q"})
		p.consume(1, amqp.BasicConsume{Queue: "q"})
		p.publish(2, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
		p.wantDelivery(1, "m")
		held := func() time.Duration { return b.server.ChannelInfos()[0].Held }
		if d := held(); d != 0 {
			t.Errorf("just delivered, and held for %v", d)
		}
		time.Sleep(10 * time.Minute)
		p.publish(2, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "n")
		p.wantDelivery(1, "n")
		if d := held(); d < 9*time.Minute || d > 10*time.Minute {
			t.Errorf("after ten minutes it is %v", d)
		}
		p.send(1, &amqp.BasicAck{DeliveryTag: 1})
		p.quiet(1)
		if d := held(); d > time.Minute {
			t.Errorf("the second one is held for %v", d)
		}
		if d := b.server.ChannelInfos()[1].Held; d != 0 {
			t.Errorf("a channel that has nothing holds it for %v", d)
		}
	})
}

// Something is always out, but never for long.
func TestABusyConsumerIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newBroker(t).dial()
		p.declare(1, amqp.QueueDeclare{Queue: "q"})
		p.consume(1, amqp.BasicConsume{Queue: "q"})
		tag := uint64(0)
		for range 20 {
			p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
			d := p.wantDelivery(1, "m")
			if tag != 0 {
				p.send(1, &amqp.BasicAck{DeliveryTag: tag})
			}
			tag = d.DeliveryTag
			p.quiet(1)
			time.Sleep(29 * time.Minute)
		}
		p.send(1, &amqp.BasicAck{DeliveryTag: tag})
		p.quiet(1)
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
		p.wantDelivery(1, "m")
		if end := p.end(); end != timedOut {
			t.Error(end)
		}
	})
}

func TestWhatIsGotTimesOutToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newBroker(t).dial()
		p.declare(1, amqp.QueueDeclare{Queue: "q"})
		p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
		p.send(1, &amqp.BasicGet{Queue: "q"})
		expect[*amqp.BasicGetOk](p, 1)
		p.content(1)
		if end := p.end(); end != timedOut {
			t.Error(end)
		}
	})
}

func TestWhoseTimeoutItIs(t *testing.T) {
	for _, test := range []struct {
		name     string
		standard time.Duration
		args     amqp.Table
		asked    amqp.Table    // by the consumer
		least    time.Duration // 0: for ever
	}{
		{"the broker's", time.Hour, nil, nil, time.Hour},
		{"a shorter one of the queue", time.Hour, amqp.Table{"x-consumer-timeout": int32(600_000)}, nil, 10 * time.Minute},
		{"a longer one of the queue", time.Hour, amqp.Table{"x-consumer-timeout": int64(100_000_000)}, nil, 100_000 * time.Second},
		{"none", -1, nil, nil, 0},
		{"the queue's alone", -1, amqp.Table{"x-consumer-timeout": int32(600_000), "x-queue-type": "quorum"}, nil, 10 * time.Minute},
		{"a shorter one of the consumer", time.Hour, amqp.Table{"x-consumer-timeout": int32(1_800_000)}, amqp.Table{"x-consumer-timeout": int32(600_000)}, 10 * time.Minute},
		{"a longer one of the consumer", time.Hour, amqp.Table{"x-consumer-timeout": int32(600_000)}, amqp.Table{"x-consumer-timeout": int64(7_200_000)}, 2 * time.Hour},
		{"the consumer's alone", -1, nil, amqp.Table{"x-consumer-timeout": uint16(60_000)}, time.Minute},
		{"no time at all", time.Hour, nil, amqp.Table{"x-consumer-timeout": int8(0)}, 1},
		{"no time at all in the queue", time.Hour, amqp.Table{"x-consumer-timeout": int8(0)}, nil, 1},
		{"one beyond all clocks", time.Hour, nil, amqp.Table{"x-consumer-timeout": int64(1 << 62)}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newBroker(t, func(cfg *Config) { cfg.ConsumerTimeout = test.standard }).dial()
				p.declare(1, amqp.QueueDeclare{Queue: "q", Durable: true, Arguments: test.args})
				p.consume(1, amqp.BasicConsume{Queue: "q", Arguments: test.asked})
				p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
				p.wantDelivery(1, "m")
				since := time.Now()
				if test.least == 0 {
					time.Sleep(365 * 24 * time.Hour)
					p.quiet(1)
					return
				}
				p.end()
				if waited := time.Since(since); waited < test.least || waited > test.least+test.least/30+2*longestTick {
					t.Error("closed after", waited)
				}
			})
		})
	}
}

// A delivery that may wait long does not cover one behind it that may not.
func TestEachDeliveryHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newBroker(t).dial()
		for _, queue := range []string{"patient", "hasty"} {
			p.declare(1, amqp.QueueDeclare{Queue: queue})
		}
		p.consume(1, amqp.BasicConsume{Queue: "patient", Arguments: amqp.Table{"x-consumer-timeout": int32(36_000_000)}})
		p.publish(1, amqp.BasicPublish{RoutingKey: "patient"}, amqp.Properties{}, "p")
		p.wantDelivery(1, "p")
		time.Sleep(time.Hour)
		p.consume(1, amqp.BasicConsume{Queue: "hasty", Arguments: amqp.Table{"x-consumer-timeout": int32(300_000)}})
		p.publish(1, amqp.BasicPublish{RoutingKey: "hasty"}, amqp.Properties{}, "h")
		p.wantDelivery(1, "h")
		since := time.Now()
		if end := p.end(); !strings.Contains(end, "Timeout value used: 300000 ms") {
			t.Error(end)
		}
		if waited := time.Since(since); waited < 5*time.Minute || waited > 8*time.Minute {
			t.Error("closed after", waited)
		}
	})
}

// Notes never say that a delivery is older than it is, and not that it is much younger.
func TestAgesAgainstAModel(t *testing.T) {
	for seed := range int64(200) {
		rnd := rand.New(rand.NewSource(seed))
		var a ages
		born := map[uint64]queue.Time{}
		oldest, last, now := uint64(1), uint64(0), queue.Time(0)
		gap := queue.Time(0) // the longest between two looks
		for range 500 {
			step := queue.Time(rnd.Intn(100) + 1)
			gap = max(gap, step)
			now += step
			for range rnd.Intn(4) {
				last++
				born[last] = now - queue.Time(rnd.Int63n(int64(step)))
			}
			if rnd.Intn(3) == 0 && oldest <= last {
				oldest += uint64(rnd.Intn(int(last-oldest) + 2))
			}
			if oldest > last {
				a = nil
				continue
			}
			a.keep(oldest, last, now)
			for tag, rest := oldest, a; tag <= last; tag++ {
				var since queue.Time
				since, rest = rest.since(tag)
				age, known := now-born[tag], now-since
				if known > age || age-known > gap+2*(now-born[oldest])/(maxNotes/4) {
					t.Fatalf("seed %d: %d old, %d known", seed, age, known)
				}
			}
			if len(a) > maxNotes {
				t.Fatal(len(a), "notes")
			}
		}
	}
}

package broker_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func TestAMessageGoesThroughAnExchangeIntoAQueueAndToItsConsumer(t *testing.T) {
	c := dial(t, open(t, ""))
	if err := c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: "news", Kind: "topic"}); err != nil {
		t.Fatal(err)
	}
	declare(t, c, broker.QueueOptions{Name: "sport"})
	if err := c.BindQueue(t.Context(), "sport", "news", "sport.#", nil); err != nil {
		t.Fatal(err)
	}
	in := consume(t, c, "sport", broker.ConsumeOptions{})
	err := send(t, c, &broker.Publishing{
		Exchange: "news", Key: "sport.chess", Properties: amqp.Properties{ContentType: "text/plain"}, Body: []byte("mate"),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := in.want(t, "mate")[0]
	props, err := d.Properties()
	if err != nil || props.ContentType != "text/plain" || d.Exchange != "news" || d.Key != "sport.chess" || d.Consumer() != in.Consumer {
		t.Errorf("%+v, %+v, %v", d, props, err)
	}
	ack(t, d)

	if err := c.UnbindQueue(t.Context(), "sport", "news", "sport.#", nil); err != nil {
		t.Fatal(err)
	}
	err = send(t, c, &broker.Publishing{Exchange: "news", Key: "sport.go", Mandatory: true})
	if !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("after unbinding: %v", err)
	}
	if err := c.DeleteExchange(t.Context(), "news"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, c.Publish(&broker.Publishing{Exchange: "news"}, fate(nil)), amqp.NotFound)
}

func TestAQueueWithoutANameGetsAFreshOne(t *testing.T) {
	c := dial(t, open(t, ""))
	one, err := c.DeclareQueue(t.Context(), broker.QueueOptions{})
	if err != nil || one.Name == "" {
		t.Fatal(one, err)
	}
	two, err := c.DeclareQueue(t.Context(), broker.QueueOptions{})
	if err != nil || two.Name == one.Name {
		t.Fatal(one, two, err)
	}
}

func TestErrorsCarryTheCodeOfTheProtocolAndEndNothing(t *testing.T) {
	b := open(t, "")
	_, err := b.Dial(broker.DialConfig{VHost: "elsewhere"})
	wantCode(t, err, amqp.NotAllowed)
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q"})
	_, err = c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "q", Durable: true})
	wantCode(t, err, amqp.PreconditionFailed)
	_, err = c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "none", Passive: true})
	wantCode(t, err, amqp.NotFound)
	_, err = c.PurgeQueue("none")
	wantCode(t, err, amqp.NotFound)
	_, err = c.Consume(t.Context(), "none", broker.ConsumeOptions{}, nil)
	wantCode(t, err, amqp.NotFound)
	wantCode(t, c.BindQueue(t.Context(), "q", "none", "", nil), amqp.NotFound)
	if err := c.Publish(&broker.Publishing{Key: strings.Repeat("k", 256)}, fate(nil)); err == nil {
		t.Error("published with a key of 256 bytes")
	}
	publish(t, c, "q", transient, "fine")
	wantReady(t, c, "q", 1)
}

func TestAMandatoryMessageThatNoQueueTakesIsUnroutable(t *testing.T) {
	c := dial(t, open(t, ""))
	if err := send(t, c, &broker.Publishing{Key: "nobody", Mandatory: true}); !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("mandatory: %v", err)
	}
	if err := send(t, c, &broker.Publishing{Key: "nobody"}); err != nil {
		t.Errorf("not mandatory: %v", err)
	}
	if err := c.Publish(&broker.Publishing{Key: "nobody", Mandatory: true}, nil); err != nil {
		t.Errorf("nobody asked: %v", err)
	}
}

func TestEveryConfirmerIsToldOnceWhileManyPublish(t *testing.T) {
	c := dial(t, open(t, t.TempDir()))
	declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
	const publishers, each = 8, 50
	told := make(fate, publishers*each+1)
	var all sync.WaitGroup
	for range publishers {
		all.Go(func() {
			for range each {
				p := &broker.Publishing{Key: "q", Properties: amqp.Properties{DeliveryMode: persistent}}
				if err := c.Publish(p, told); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for range publishers * each {
		if err := receive(t, told); err != nil {
			t.Fatal(err)
		}
	}
	wantReady(t, c, "q", publishers*each)
	if len(told) > 0 {
		t.Error("one was told twice")
	}
}

func TestWhatIsRequeuedComesAgainInItsPlace(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c", "d")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 3})
	got := in.want(t, "a", "b", "c")
	in.wantNone(t)
	ack(t, got[1])
	in.want(t, "d")
	if err := got[2].Nack(true); err != nil {
		t.Fatal(err)
	}
	in.want(t, "c again")
	if err := got[0].Nack(true); err != nil {
		t.Fatal(err)
	}
	in.want(t, "a again")
	in.wantNone(t)
}

func TestARequeuedMessageStandsBeforeThoseThatCameLater(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c", "d")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 2})
	got := in.want(t, "a", "b")
	in.Cancel()
	got[1].Nack(true)
	got[0].Nack(true)
	consume(t, c, "q", broker.ConsumeOptions{}).want(t, "a again", "b again", "c", "d")
}

func TestARefusedMessageIsDropped(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 1})
	in.want(t, "a")[0].Nack(false)
	ack(t, in.want(t, "b")...)
	if n, err := c.DeleteQueue(t.Context(), "q"); n != 0 || err != nil {
		t.Errorf("%d left, %v", n, err)
	}
}

func TestSettlingTwiceDoesNothing(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 1})
	a := in.want(t, "a")[0]
	ack(t, a)
	in.want(t, "b")
	ack(t, a)
	a.Nack(true)
	in.Ack(0)
	in.Ack(99)
	in.wantNone(t) // no credit came of it
	wantReady(t, c, "q", 1)
}

func TestDeliveriesWithoutAcksHaveNoLimit(t *testing.T) {
	b := open(t, "")
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q"})
	in := consume(t, c, "q", broker.ConsumeOptions{NoAck: true, Prefetch: 1})
	bodies := numbered(50)
	publish(t, c, "q", transient, bodies...)
	for _, d := range in.want(t, bodies...) {
		d.Nack(true)
	}
	c.Close()
	wantReady(t, dial(t, b), "q", 0)
}

func TestBatchesBringWhatOneBurstBrought(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c")
	batches := make(chan []string, 100)
	take := func(batch []broker.Delivery, _ *broker.Lull) {
		var bodies []string
		for _, d := range batch {
			bodies = append(bodies, string(d.Body))
		}
		batches <- bodies
	}
	if _, err := c.Consume(t.Context(), "q", broker.ConsumeOptions{NoAck: true, Batches: take}, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, c, "q", transient, "d")
	for _, want := range [][]string{{"a", "b", "c"}, {"d"}} {
		if got := receive(t, batches); !slices.Equal(got, want) {
			t.Errorf("a batch of %q, want %q", got, want)
		}
	}
}

func TestACancelledConsumerGetsNothingMoreAndMaySettle(t *testing.T) {
	b := open(t, "")
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b")
	in := consume(t, c, "q", broker.ConsumeOptions{})
	got := in.want(t, "a", "b")
	in.Cancel()
	in.Cancel()
	publish(t, c, "q", transient, "c")
	in.wantNone(t)
	ack(t, got[0])
	c.Close()

	other := dial(t, b)
	consume(t, other, "q", broker.ConsumeOptions{}).want(t, "b again", "c")
}

func TestAConsumerLearnsThatItsQueueWasDeleted(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a")
	cancelled := make(chan struct{}, 2)
	in := consume(t, c, "q", broker.ConsumeOptions{Cancelled: func() { cancelled <- struct{}{} }})
	d := in.want(t, "a")[0]
	if _, err := c.DeleteQueue(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	receive(t, cancelled)
	d.Nack(true) // too late, and no harm
	in.Cancel()
	c.Close()
	if len(cancelled) > 0 {
		t.Error("told twice")
	}
}

func TestAnExclusiveConsumerIsAlone(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	in := consume(t, c, "q", broker.ConsumeOptions{Exclusive: true})
	_, err := c.Consume(t.Context(), "q", broker.ConsumeOptions{}, func(broker.Delivery) {})
	wantCode(t, err, amqp.AccessRefused)
	in.Cancel()
	consume(t, c, "q", broker.ConsumeOptions{})
}

func TestAnAutoDeleteQueueGoesWithItsLastConsumer(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q", AutoDelete: true})
	consume(t, c, "q", broker.ConsumeOptions{}).Cancel()
	_, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "q", Passive: true})
	wantCode(t, err, amqp.NotFound)
}

func TestAnExclusiveQueueGoesWithItsConn(t *testing.T) {
	b := open(t, "")
	owner, other := dial(t, b), dial(t, b)
	declare(t, owner, broker.QueueOptions{Name: "q", Exclusive: true})
	_, err := other.DeclareQueue(t.Context(), broker.QueueOptions{Name: "q", Passive: true})
	wantCode(t, err, amqp.ResourceLocked)
	publish(t, owner, "q", transient, "a")
	consume(t, owner, "q", broker.ConsumeOptions{}).want(t, "a")
	owner.Close()
	_, err = other.DeclareQueue(t.Context(), broker.QueueOptions{Name: "q", Passive: true})
	wantCode(t, err, amqp.NotFound)
}

func TestWhatAClosedConnHadGoesToAnother(t *testing.T) {
	b := open(t, "")
	first, second := dial(t, b), dial(t, b)
	declare(t, first, broker.QueueOptions{Name: "q"})
	publish(t, first, "q", transient, "a", "b", "c")
	mine := consume(t, first, "q", broker.ConsumeOptions{})
	got := mine.want(t, "a", "b", "c")
	ack(t, got[1])
	theirs := consume(t, second, "q", broker.ConsumeOptions{})
	theirs.wantNone(t)
	first.Close()
	theirs.want(t, "a again", "c again")
	if err := got[0].Ack(); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("an ack that came too late: %v", err)
	}
	theirs.wantNone(t)
	mine.wantNone(t)
}

func TestAClosedConsumerIsFollowedByOneThatOvertakesNothing(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q", Args: amqp.Table{"x-single-active-consumer": true}})
	publish(t, c, "q", transient, "a", "b", "c", "d")
	first := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 2})
	second := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 2})
	got := first.want(t, "a", "b")
	second.wantNone(t)
	got[0].Consumer().Close()
	again := second.want(t, "a again", "b again")
	if err := got[0].Ack(); err != nil {
		t.Errorf("an ack that came too late: %v", err)
	}
	ack(t, again[0])
	second.want(t, "c")
	first.wantNone(t)
}

func TestWhatNobodySawGoesBackUnmarked(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q", Args: amqp.Table{"x-single-active-consumer": true}})
	publish(t, c, "q", transient, "a", "b", "c")
	first := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 3})
	second := consume(t, c, "q", broker.ConsumeOptions{})
	got := first.want(t, "a", "b", "c")
	if err := got[2].Consumer().Return(got[2].Tag); err != nil {
		t.Fatal(err)
	}
	again := first.want(t, "c") // the place that it left is this consumer's
	again[0].Consumer().Seen(again[0].Tag)
	again[0].Consumer().Withdraw()
	second.want(t, "a", "b", "c again")
}

func TestPurgeDropsWhatIsReadyOnly(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	publish(t, c, "q", transient, "a", "b", "c")
	in := consume(t, c, "q", broker.ConsumeOptions{Prefetch: 1})
	a := in.want(t, "a")[0]
	if n, err := c.PurgeQueue("q"); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	a.Nack(true)
	in.want(t, "a again")
}

func TestAClosedConnSaysSo(t *testing.T) {
	c := dial(t, open(t, ""))
	declare(t, c, broker.QueueOptions{Name: "q"})
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantAllClosed(t, c)
}

// wantAllClosed checks that everything asked of c is refused.
func wantAllClosed(t *testing.T, c *broker.Conn) {
	t.Helper()
	_, declare := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "q"})
	_, inspect := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "q", Passive: true})
	_, remove := c.DeleteQueue(t.Context(), "q")
	_, purge := c.PurgeQueue("q")
	_, consume := c.Consume(t.Context(), "q", broker.ConsumeOptions{}, func(broker.Delivery) {})
	for what, err := range map[string]error{
		"declare": declare, "inspect": inspect, "delete": remove, "purge": purge, "consume": consume,
		"bind":            c.BindQueue(t.Context(), "q", "amq.fanout", "", nil),
		"unbind":          c.UnbindQueue(t.Context(), "q", "amq.fanout", "", nil),
		"exchange":        c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: "x", Kind: "fanout"}),
		"delete exchange": c.DeleteExchange(t.Context(), "x"),
		"publish":         c.Publish(&broker.Publishing{Key: "q"}, fate(nil)),
	} {
		if !errors.Is(err, broker.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", what, err)
		}
	}
}

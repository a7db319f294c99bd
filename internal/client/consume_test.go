package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

func consuming(cfg *client.Config) { cfg.Publishes = false }

func consume(c *client.Conn, prefetch uint16) (*client.Consumer, chan *client.Delivery) {
	got := make(chan *client.Delivery, 1000)
	return c.Consume(&client.Queue{Name: "jobs"}, prefetch, func(d *client.Delivery) { got <- d }), got
}

// On a connection that only consumes, the topology has the first channel and the consumer the second.
const consumeChannel = 2

func wantDelivery(t *testing.T, got chan *client.Delivery, body string) *client.Delivery {
	t.Helper()
	select {
	case d := <-got:
		if string(d.Body) != body {
			t.Fatalf("delivered %q, want %q", d.Body, body)
		}
		return d
	case <-time.After(time.Minute):
		t.Fatalf("%q was not delivered", body)
		return nil
	}
}

func TestAcksAreWrittenTogether(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 100)
		l := f.line()
		<-u.First()
		if u.Err() != nil {
			t.Fatal(u.Err())
		}
		var ds []*client.Delivery
		for i := range 7 {
			l.deliver(consumeChannel, uint64(i+1), false, fmt.Sprint(i), amqp.Properties{})
			ds = append(ds, wantDelivery(t, got, fmt.Sprint(i)))
		}
		synctest.Wait()
		// The writer is held up while these are acked.
		l.pause()
		ds[5].Nack(false)
		synctest.Wait()
		ds[6].Nack(false)
		synctest.Wait()
		ds[1].Ack()
		ds[0].Ack()
		ds[2].Ack()
		ds[4].Ack()
		ds[0].Ack() // again: without effect
		l.resume()
		if m := next[amqp.BasicNack](l); m.DeliveryTag != 6 || m.Requeue {
			t.Errorf("first %+v", m)
		}
		next[amqp.BasicNack](l)
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 3 || !m.Multiple {
			t.Errorf("then %+v", m)
		}
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 5 || m.Multiple {
			t.Errorf("then %+v", m)
		}
		ds[3].Nack(true)
		if m := next[amqp.BasicNack](l); m.DeliveryTag != 4 || !m.Requeue || m.Multiple {
			t.Errorf("then %+v", m)
		}
		l.wantNothing()
		l.cut()
	}, consuming)
}

func TestAnAckWaitsForOthersWhileTheBrokerGoesOnWithoutIt(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 8)
		l := f.line()
		<-u.First()
		next[amqp.BasicConsume](l)
		deliver := func(tag uint64) *client.Delivery {
			l.deliver(consumeChannel, tag, false, "job", amqp.Properties{})
			d := wantDelivery(t, got, "job")
			synctest.Wait() // the reader may have something to write, and acks go with it
			return d
		}
		for tag := range uint64(2) {
			deliver(tag + 1).Ack()
		}
		l.wantNothing()
		began := time.Now()
		f.holds("jobs", 5)
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 2 || !m.Multiple {
			t.Errorf("came %+v", m)
		}
		if waited := time.Since(began); waited != time.Millisecond {
			t.Errorf("after %v", waited)
		}

		// A third of eight would leave the broker too little.
		began = time.Now()
		for tag := range uint64(3) {
			deliver(tag + 3).Ack()
		}
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 5 || !m.Multiple || time.Since(began) != 0 {
			t.Errorf("came %+v after %v", m, time.Since(began))
		}
		l.wantNothing()

		// Nor does the next one that waits do so for ever.
		began = time.Now()
		deliver(6).Ack()
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 6 || time.Since(began) != time.Millisecond {
			t.Errorf("came %+v after %v", m, time.Since(began))
		}
	}, consuming)
}

func TestAnAckThatTheBrokerWaitsForGoesAtOnce(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 1)
		l := f.line()
		<-u.First()
		next[amqp.BasicConsume](l)
		began := time.Now()
		f.holds("jobs", 5)
		for tag := range uint64(3) {
			l.deliver(consumeChannel, tag+1, false, "job", amqp.Properties{})
			d := wantDelivery(t, got, "job")
			synctest.Wait() // nothing is about to be written that would take the ack along
			d.Ack()
			if m := next[amqp.BasicAck](l); m.DeliveryTag != tag+1 || time.Since(began) != 0 {
				t.Errorf("came %+v after %v", m, time.Since(began))
			}
		}
		l.wantNothing()
	}, consuming)
}

func TestAnAckThatWaitsGoesWithTheGoodbye(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 100)
		l := f.line()
		<-u.First()
		l.deliver(consumeChannel, 1, false, "job", amqp.Properties{})
		d := wantDelivery(t, got, "job")
		l.mu.Lock()
		l.silent = true
		l.mu.Unlock()
		u.Stop()
		next[amqp.BasicCancel](l) // the manager waits for the answer to this
		synctest.Wait()
		d.Ack()
		c.Close()
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 1 {
			t.Errorf("came %+v", m)
		}
	}, consuming)
}

func TestAcksOfALostConnectionAreDropped(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 10)
		l := f.line()
		<-u.First()
		l.deliver(consumeChannel, 1, false, "a", amqp.Properties{})
		old := wantDelivery(t, got, "a")
		l.cut()
		l = f.line()
		next[amqp.BasicConsume](l)
		synctest.Wait()
		if !old.Stale() {
			t.Error("a delivery of the lost connection is not stale")
		}
		l.deliver(consumeChannel, 1, true, "a", amqp.Properties{})
		again := wantDelivery(t, got, "a")
		old.Ack()
		l.wantNothing()
		if again.Stale() || !again.Redelivered {
			t.Errorf("redelivered: %v, stale: %v", again.Redelivered, again.Stale())
		}
		again.Ack()
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 1 {
			t.Errorf("%+v", m)
		}
		l.cut()
	}, consuming)
}

func TestAConsumerThatIsRefusedSaysSoAndTriesAgain(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.setUnusable("jobs", amqp.Errorf(amqp.ResourceLocked, "cannot obtain exclusive access to locked queue 'jobs'"))
		u, got := consume(c, 10)
		<-u.First()
		var refused *amqp.Error
		if !errors.As(u.Err(), &refused) || refused.Code != amqp.ResourceLocked {
			t.Fatal(u.Err())
		}
		l.setUnusable("jobs", nil)
		next[amqp.BasicConsume](l)
		l.deliver(consumeChannel, 1, false, "a", amqp.Properties{})
		wantDelivery(t, got, "a")
		synctest.Wait()
		if u.Err() != nil {
			t.Error(u.Err())
		}
		l.cut()
	}, consuming)
}

// A queue that is for one consumer, who may not consume from it, is not left behind: the next attempt makes another.
func TestWhoMayNotConsumeFromHisOwnQueuesLeavesNone(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.letConsume(amqp.Errorf(amqp.AccessRefused, "read access is refused"))
		c.Consume(&client.Queue{Name: "own", Own: true}, 10, func(*client.Delivery) {})
		for range 3 {
			made := next[amqp.QueueDeclare](l)
			next[amqp.BasicConsume](l)
			if gone := next[amqp.QueueDelete](l); gone.Queue != made.Queue {
				t.Errorf("%q was made, %q deleted", made.Queue, gone.Queue)
			}
		}
		l.letConsume(nil)
		made := next[amqp.QueueDeclare](l)
		if m := next[amqp.BasicConsume](l); m.Queue != made.Queue {
			t.Errorf("%q was made, and %q is consumed from", made.Queue, m.Queue)
		}
		l.wantNothing()
		l.cut()
	}, consuming)
}

// RabbitMQ ends the connection of one of two clients that declare a quorum queue at the same moment.
func TestAConnectionThatEndsOverADeclarationIsNoRefusal(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		first := f.line()
		first.setUnusable("jobs", amqp.Errorf(amqp.InternalError, "INTERNAL_ERROR"))
		u, got := consume(c, 10)
		<-u.First()
		var refused *amqp.Error
		if errors.As(u.Err(), &refused) {
			t.Errorf("taken for the queue's refusal: %v", u.Err())
		}
		second := f.line()
		next[amqp.BasicConsume](second)
		second.deliver(consumeChannel, 1, false, "a", amqp.Properties{})
		wantDelivery(t, got, "a")
		second.cut()
	}, consuming)
}

func TestAConsumerCancelledByTheBrokerComesBack(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 10)
		l := f.line()
		next[amqp.BasicConsume](l)
		<-u.First()
		l.send(consumeChannel, &amqp.BasicCancel{ConsumerTag: "postrider", NoWait: true})
		next[amqp.BasicConsume](l)
		l.deliver(consumeChannel, 1, false, "a", amqp.Properties{})
		wantDelivery(t, got, "a")
		l.cut()
	}, consuming)
}

// RabbitMQ consumes for its client from a queue that was deleted and made again, and may deliver nothing.
func TestAConsumerToWhomNothingIsDeliveredConsumesAnew(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 100)
		l := f.line()
		next[amqp.BasicConsume](l)
		<-u.First()
		began := time.Now()
		f.holds("jobs", 5)
		l.deliver(consumeChannel, 1, false, "in hand", amqp.Properties{})
		d := wantDelivery(t, got, "in hand")
		time.Sleep(35 * time.Second) // he has a message, so that more may wait for good reason
		f.holds("jobs", 0)
		d.Ack()
		time.Sleep(35 * time.Second) // there is none
		f.holds("jobs", 5)
		next[amqp.BasicConsume](l)
		if took := time.Since(began); took < 80*time.Second || took > 91*time.Second {
			t.Errorf("consumed anew after %v", took)
		}
		l.deliver(consumeChannel, 1, false, "after all", amqp.Properties{})
		wantDelivery(t, got, "after all").Ack()
	}, onRabbitMQ, consuming)
}

func TestStopEndsDeliveriesAndReleaseTheChannel(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 10)
		l := f.line()
		<-u.First()
		l.deliver(consumeChannel, 1, false, "a", amqp.Properties{})
		d := wantDelivery(t, got, "a")
		<-u.Stop()
		next[amqp.BasicCancel](l)
		l.deliver(consumeChannel, 2, false, "late", amqp.Properties{})
		synctest.Wait()
		if len(got) != 0 {
			t.Error("a delivery after Stop")
		}
		d.Ack()
		<-u.Release()
		if m := next[amqp.BasicAck](l); m.DeliveryTag != 1 {
			t.Errorf("%+v", m)
		}
		l.cut()
	}, consuming)
}

func TestStopAndReleaseWithoutAConnection(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, _ := consume(c, 10)
		<-u.First()
		if !errors.Is(u.Err(), client.ErrDown) {
			t.Error(u.Err())
		}
		<-u.Stop()
		<-u.Release()
	}, consuming, whileDown)
}

var asking = envelope("bob", amqp.Properties{ReplyTo: client.ReplyTo})

func TestAConsumerThatIsReleasedBeforeItBeganKeepsNobodyWaiting(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, _ := consume(c, 10) // the connection is being made
		<-u.Stop()
		<-u.Release()
		<-u.First()
		f.line().cut()
	}, consuming)
}

func TestACallIsAnswered(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		done := make(chan string)
		for _, id := range []string{"one", "two"} {
			go func() {
				r, _, err := c.Publisher().Call(t.Context(), 0, asking, []byte(id), []byte("question"))
				done <- fmt.Sprint(string(r.Body), err)
			}()
		}
		l := f.line()
		if m := next[amqp.BasicConsume](l); m.Queue != client.ReplyTo || !m.NoAck {
			t.Errorf("%+v", m)
		}
		first, second := l.wantPublished("question"), l.wantPublished("question")
		// The answers come the other way round, one before its confirm and one after.
		l.deliver(1, 1, false, "for "+second.id, amqp.Properties{CorrelationID: second.id})
		if got := <-done; got != "for "+second.id+"<nil>" {
			t.Error(got)
		}
		l.ackUpTo(2)
		l.deliver(1, 2, false, "for nobody", amqp.Properties{CorrelationID: "nobody"})
		l.deliver(1, 3, false, "for "+first.id, amqp.Properties{CorrelationID: first.id})
		if got := <-done; got != "for "+first.id+"<nil>" {
			t.Error(got)
		}
		l.cut()
	})
}

func TestACallWhoseConnectionBreaksFails(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		story(t, func(t *testing.T, f *fake, c *client.Conn) {
			done := make(chan error)
			go func() {
				_, written, err := c.Publisher().Call(t.Context(), 0, asking, []byte("x"), nil)
				if !written {
					t.Error("not written")
				}
				done <- err
			}()
			l := f.line()
			next[published](l)
			if confirmed {
				l.ack(1)
				synctest.Wait()
			}
			l.cut()
			if err := <-done; !errors.Is(err, client.ErrBroken) {
				t.Error(err)
			}
			l = f.line()
			next[amqp.BasicConsume](l)
			l.wantNothing() // it is not asked again
			l.cut()
		})
	}
}

// The other side ends a connection over one message. A call that it has taken by then fails with the connection, and is not told that it is to blame.
func TestACallIsNotToBlameForAnotherMessage(t *testing.T) {
	tooLarge := amqp.Errorf(amqp.PreconditionFailed, "message size 5 is larger than configured max size 4")
	for guilty := range 2 {
		story(t, func(t *testing.T, f *fake, c *client.Conn) {
			taken, large := make(chan error), make(chan error)
			call := func(id string, done chan error) {
				_, _, err := c.Publisher().Call(t.Context(), 0, asking, []byte(id), []byte(id))
				done <- err
			}
			go call("taken", taken)
			l := f.line()
			l.wantPublished("taken")
			l.ack(1)
			synctest.Wait()
			go call("large", large)
			l.wantPublished("large")
			if guilty == 1 {
				go c.Publisher().Send(t.Context(), toJobs, nil, []byte("beside it"))
				l.wantPublished("beside it")
			}
			l.closeChannel(1, tooLarge)
			var refused *amqp.Error
			if err := <-taken; !errors.Is(err, client.ErrBroken) || errors.As(err, &refused) || !strings.Contains(err.Error(), "over another message") {
				t.Error(err)
			}
			if err := <-large; !errors.As(err, &refused) || errors.Is(err, client.ErrBroken) != (guilty == 1) {
				t.Error(err)
			}
			l = f.line()
			if guilty == 1 {
				l.wantPublished("beside it")
				l.ack(1)
			}
			l.cut()
		})
	}
}

// What the other side is known not to take is not sent, and so ends no connection.
func TestAMessageThatIsTooLargeForTheOtherSideIsNotSent(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		f.limits.MaxMessage = 4
		f.setDown(false)
		fate := post(t, c, "four")
		l := f.line()
		l.wantPublished("four")
		l.ack(1)
		wantFate(t, fate, nil, true)
		written, err := c.Publisher().Send(t.Context(), toJobs, nil, []byte("fives"))
		var refused *amqp.Error
		if written || !errors.As(err, &refused) || refused.Text != "message size 5 is larger than configured max size 4" {
			t.Errorf("written %v, %v", written, err)
		}
		l.wantNothing()
		f.limits.MaxMessage = 5
		l.cut()
		l = f.line()
		synctest.Wait()
		fate = post(t, c, "fives")
		l.wantPublished("fives")
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	}, whileDown)
}

func TestACallHeldWhileDownIsMadeLater(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		done := make(chan error)
		go func() {
			_, _, err := c.Publisher().Call(t.Context(), 0, asking, []byte("x"), []byte("q"))
			done <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, written, err := c.Publisher().Call(ctx, 0, asking, []byte("y"), []byte("given up"))
		if written || !errors.Is(err, client.ErrDown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("written %v, %v", written, err)
		}
		f.setDown(false)
		l := f.line()
		p := l.wantPublished("q")
		l.deliver(1, 1, false, "a", amqp.Properties{CorrelationID: p.id})
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.wantNothing()
		l.cut()
	}, whileDown)
}

func TestACallNobodyTakes(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		done := make(chan error)
		go func() {
			_, _, err := c.Publisher().Call(t.Context(), 0, asking, []byte("x"), nil)
			done <- err
		}()
		l := f.line()
		p := next[published](l)
		l.giveBack(p)
		l.ack(1)
		if err := <-done; !errors.Is(err, client.ErrUnroutable) {
			t.Error(err)
		}
		l.cut()
	})
}

// A consumer may have good reason to get nothing of what is there: its queue serves another one. It cannot know that, and tries less and less often.
func TestAConsumerThatIsNotMeantSeldomConsumesAnew(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 100)
		l := f.line()
		<-u.First()
		next[amqp.BasicConsume](l)
		f.holds("jobs", 5)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		anew := 0
		for len(l.events) > 0 {
			if _, is := (<-l.events).(amqp.BasicConsume); is {
				anew++
			}
		}
		if anew < 5 || anew > 10 {
			t.Errorf("consumed anew %d times in two hours", anew)
		}

		// When something came after all, it is as if nothing had been.
		l.deliver(consumeChannel, 1, false, "after all", amqp.Properties{})
		wantDelivery(t, got, "after all").Ack()
		next[amqp.BasicAck](l)
		began := time.Now()
		next[amqp.BasicConsume](l)
		if took := time.Since(began); took > 41*time.Second {
			t.Errorf("consumed anew after %v", took)
		}
	}, onRabbitMQ, consuming, func(cfg *client.Config) { cfg.Heartbeat = 10 * time.Hour })
}

// RabbitMQ lets headers pass that our broker does not take. Were they an error, the message would come again on each connection, and end it.
func TestHeadersBeyondOurBoundsAreDelivered(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		u, got := consume(c, 100)
		l := f.line()
		<-u.First()
		entry := "\x01aA\x00\x00\x00\x00"
		for range amqp.MaxTableDepth {
			n := len(entry)
			entry = "\x01aF\x00\x00\x00" + string(rune(n)) + entry
		}
		raw := append([]byte{0, 0, 0, byte(len(entry))}, entry...)
		if _, err := amqp.CheckTable(raw); err == nil {
			t.Fatal("they are within the bounds")
		}
		l.deliver(consumeChannel, 1, false, "deep", amqp.Properties{RawHeaders: raw})
		l.deliver(consumeChannel, 2, false, "next", amqp.Properties{})
		wantDelivery(t, got, "deep").Ack()
		wantDelivery(t, got, "next").Ack()
	}, consuming)
}

// wantNoWait checks that who begins to consume need not wait for what the connection is about.
func wantNoWait(t *testing.T, c *client.Conn) {
	t.Helper()
	began := time.Now()
	u, _ := consume(c, 10)
	<-u.First()
	if took := time.Since(began); took > time.Second {
		t.Errorf("began to consume after %v", took)
	}
}

// A broker far away has the queues of many idle consumers. They are all asked for, and who wants something of the connection does not wait for that.
func TestWhoAsksForManyQueuesHoldsUpNobody(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		const many = 100
		for i := range many {
			<-c.Consume(&client.Queue{Name: fmt.Sprint(i)}, 10, nil).First()
		}
		l := f.line()
		for range many {
			next[amqp.BasicConsume](l)
		}
		f.moveAway(100 * time.Millisecond)
		time.Sleep(25 * time.Second)
		wantNoWait(t, c)
		time.Sleep(time.Minute)
		asked := make(map[string]bool)
		for len(asked) < many+1 {
			asked[next[amqp.QueueDeclare](l).Queue] = true
		}
		l.cut()
	}, onRabbitMQ, consuming)
}

// What queues are bound to is said again every ten seconds: of all of them, however many there are and however far the broker is. Who wants
// something of the connection does not wait for that.
func TestWhatQueuesAreBoundToIsSaidAgain(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		const many = 100
		x := &client.Exchange{Name: "prices", Kind: "topic"}
		for i := range many {
			<-c.Consume(&client.Queue{Name: fmt.Sprint(i), From: x, Keys: []string{"#"}}, 10, nil).First()
		}
		l := f.line()
		wantBound := func(times int) {
			t.Helper()
			said := make(map[string]int)
			for range many * times {
				said[next[amqp.QueueBind](l).Queue]++
			}
			for queue, n := range said {
				if n != times {
					t.Errorf("said of queue %s %d times, want %d", queue, n, times)
				}
			}
		}
		wantBound(1)
		time.Sleep(31 * time.Second)
		wantBound(3)
		l.wantNothing()

		f.moveAway(100 * time.Millisecond)
		time.Sleep(15 * time.Second)
		wantNoWait(t, c)
		time.Sleep(time.Minute)
		wantBound(1)
	}, consuming)
}

package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/session"
)

func TestAPostIsConfirmed(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		fate := post(t, c, "a")
		l := f.line()
		p := l.wantPublished("a")
		if p.id != "id-a" || p.key != "jobs" {
			t.Errorf("published %+v", p)
		}
		synctest.Wait()
		if fate.Stage() != client.Written {
			t.Errorf("stage %v before the confirm", fate.Stage())
		}
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}

func TestConfirmsInAnyOrderAndNacks(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		var fates []*client.Fate
		for i := range 10 {
			fates = append(fates, post(t, c, fmt.Sprint(i)))
		}
		l := f.line()
		for i := range 10 {
			l.wantPublished(fmt.Sprint(i))
		}
		l.ack(3)
		wantFate(t, fates[2], nil, true)
		l.nack(5)
		wantRefused(t, fates[4])
		l.ack(3)  // again: passed over
		l.ack(99) // never published: passed over
		l.ackUpTo(7)
		for _, i := range []int{0, 1, 3, 5, 6} {
			wantFate(t, fates[i], nil, true)
		}
		synctest.Wait()
		if fates[7].Decided() {
			t.Error("8 was decided by an ack of 7")
		}
		l.ackUpTo(0)
		wantFate(t, fates[9], nil, true)
		if n, b := c.Publisher().Pending(); n != 0 || b != 0 {
			t.Errorf("%d messages of %d bytes are left", n, b)
		}
		l.cut()
	})
}

func TestWhatIsUnconfirmedIsReplayedInOrder(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		var fates []*client.Fate
		for _, b := range []string{"a", "b", "c", "d"} {
			fates = append(fates, post(t, c, b))
		}
		l := f.line()
		for _, b := range []string{"a", "b", "c", "d"} {
			l.wantPublished(b)
		}
		l.ack(2)
		wantFate(t, fates[1], nil, true)
		l.cut()
		e := post(t, c, "e")

		l = f.line()
		for i, b := range []string{"a", "c", "d", "e"} {
			if p := l.wantPublished(b); p.tag != uint64(i+1) || p.id != "id-"+b {
				t.Fatalf("replayed %+v", p)
			}
		}
		l.ackUpTo(4)
		for _, i := range []int{0, 2, 3} {
			wantFate(t, fates[i], nil, true)
		}
		wantFate(t, e, nil, true)
		l.cut()
	})
}

func TestASendGivenUpBeforeItWasWrittenIsNeverDelivered(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		before := post(t, c, "before")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		written, err := c.Publisher().Send(ctx, toJobs, []byte("x"), []byte("given up"))
		if written || !errors.Is(err, client.ErrDown) || !errors.Is(err, context.DeadlineExceeded) ||
			!errors.Is(err, errNobodyThere) {
			t.Fatalf("written %v, %v", written, err)
		}
		after := post(t, c, "after")
		f.setDown(false)
		l := f.line()
		l.wantPublished("before")
		l.wantPublished("after")
		l.ackUpTo(2)
		wantFate(t, before, nil, true)
		wantFate(t, after, nil, true)
		l.cut()
	}, whileDown)
}

func TestASendGivenUpAfterItWasWrittenMayHaveBeenDelivered(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		written, err := c.Publisher().Send(ctx, toJobs, []byte("x"), []byte("unconfirmed"))
		if !written || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrDown) {
			t.Fatalf("written %v, %v", written, err)
		}
		l := f.line()
		l.wantPublished("unconfirmed")
		next := post(t, c, "next")
		l.wantPublished("next")
		l.ack(2)
		wantFate(t, next, nil, true)
		l.cut()
		// Its sender was told that it failed: it is not sent again.
		l = f.line()
		l.wantNothing()
		l.cut()
	})
}

func TestManySendsGivenUpWhileDownCostNoMemory(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		keep := post(t, c, "keep")
		for range 10_000 {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			c.Publisher().Send(ctx, toJobs, []byte("x"), []byte("given up"))
		}
		if n, b := c.Publisher().Pending(); n != 1 || b > 200 {
			t.Errorf("%d messages of %d bytes are kept, want 1", n, b)
		}
		f.setDown(false)
		l := f.line()
		l.wantPublished("keep")
		l.ack(1)
		wantFate(t, keep, nil, true)
		l.wantNothing()
		l.cut()
	}, whileDown)
}

func TestAReturnedMessageIsUnroutable(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		var fates []*client.Fate
		for i := range 5 {
			fates = append(fates, post(t, c, fmt.Sprint(i)))
		}
		l := f.line()
		var ps []published
		for i := range 5 {
			ps = append(ps, l.wantPublished(fmt.Sprint(i)))
		}
		l.giveBack(ps[1])
		l.giveBack(ps[3])
		l.ackUpTo(5)
		for i, fate := range fates {
			want := error(nil)
			if i == 1 || i == 3 {
				want = client.ErrUnroutable
			}
			wantFate(t, fate, want, true)
		}
		l.cut()
	})
}

// Of messages under one id that came back is the one whose body it is.
func TestOfTwoUnderOneIDTheOneThatCameBackIsUnroutable(t *testing.T) {
	large := strings.Repeat("large", 20<<10) // in chunks, and a frame
	for name, second := range map[string]string{"small": "second", "longer": "first, and more", "large": large + ".", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, f *fake, c *client.Conn) {
				first := "first"
				if name == "large" {
					first = large + "!"
				}
				fates := []*client.Fate{new(client.Fate), new(client.Fate)}
				var ps []published
				for i, body := range []string{first, second} {
					if err := c.Publisher().Post(fates[i], toJobs, []byte("one id"), []byte(body)); err != nil {
						t.Fatal(err)
					}
				}
				l := f.line()
				for _, body := range []string{first, second} {
					ps = append(ps, l.wantPublished(body))
				}
				l.giveBack(ps[1])
				l.ackUpTo(2)
				wantFate(t, fates[0], nil, true)
				wantFate(t, fates[1], client.ErrUnroutable, true)
				l.cut()
			})
		})
	}
}

// A message came back, and the connection broke before its confirm. The next time it is taken.
func TestAMessageThatCameBackAndIsTakenByTheNextConnection(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		fate := post(t, c, "a")
		l := f.line()
		l.giveBack(l.wantPublished("a"))
		synctest.Wait()
		l.cut()
		l = f.line()
		l.wantPublished("a")
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}

func TestAFullLogRefusesPostsAndDelaysSends(t *testing.T) {
	bound := func(cfg *client.Config) { cfg.MaxMessages = 3 }
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		for _, b := range []string{"a", "b", "c"} {
			post(t, c, b)
		}
		if err := c.Publisher().Post(new(client.Fate), toJobs, nil, nil); err != client.ErrFull {
			t.Fatalf("a fourth post: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l := f.line()
		if _, err := c.Publisher().Send(ctx, toJobs, nil, nil); !errors.Is(err, client.ErrFull) {
			t.Fatalf("a send into a full log: %v", err)
		}
		sent := make(chan error)
		go func() {
			_, err := c.Publisher().Send(t.Context(), toJobs, nil, []byte("d"))
			sent <- err
		}()
		for _, b := range []string{"a", "b", "c"} {
			l.wantPublished(b)
		}
		l.wantNothing()
		l.ack(1)
		l.wantPublished("d")
		l.ackUpTo(4)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		l.cut()
	}, bound)
}

func TestAMessageLargerThanTheLogIsRefused(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		err := c.Publisher().Post(new(client.Fate), toJobs, nil, make([]byte, 2000))
		if !errors.Is(err, client.ErrTooLarge) {
			t.Fatal(err)
		}
		f.line().cut()
	}, func(cfg *client.Config) { cfg.MaxBytes = 1000 })
}

func TestASmallerFrameMaxOnTheNextConnection(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		body := strings.Repeat("0123456789", 20_000)
		fate := post(t, c, body)
		l := f.line()
		l.wantPublished(body)
		f.limits = session.Limits{FrameMax: 4096}
		l.cut()
		l = f.line()
		l.wantPublished(body) // the fake checks frame sizes
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}

func TestAPoisonousMessageFailsAlone(t *testing.T) {
	tooLarge := amqp.Errorf(amqp.PreconditionFailed, "message size 5 is larger than configured max size 4")
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		fates := map[string]*client.Fate{}
		for _, b := range []string{"a", "large", "b"} {
			fates[b] = post(t, c, b)
		}
		l := f.line()
		for _, b := range []string{"a", "large", "b"} {
			l.wantPublished(b)
		}
		l.closeChannel(1, tooLarge)

		l = f.line() // now one at a time
		l.wantPublished("a")
		l.wantNothing()
		l.ack(1)
		wantFate(t, fates["a"], nil, true)
		l.wantPublished("large")
		l.wantNothing()
		l.closeChannel(1, tooLarge)
		<-fates["large"].Done()
		var err *amqp.Error
		if !errors.As(fates["large"].Err(), &err) || err.Code != amqp.PreconditionFailed {
			t.Fatalf("fate %v", fates["large"].Err())
		}

		l = f.line()
		l.wantPublished("b")
		l.ack(1)
		wantFate(t, fates["b"], nil, true)
		l.cut()
	})
}

// A cluster that loses a node ends connections with internal errors. A message that happens to be under way has no part in it, but
// for one that brings them about again and again.
func TestAnInternalErrorIsNoMessagesFaultUntilItComesAgainAndAgain(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		internal := amqp.Errorf(amqp.InternalError, "INTERNAL_ERROR")
		innocent := post(t, c, "innocent")
		l := f.line()
		l.wantPublished("innocent")
		l.fail(internal)
		l = f.line()
		l.wantPublished("innocent")
		l.ack(1)
		wantFate(t, innocent, nil, true)

		guilty := post(t, c, "guilty")
		for range 4 {
			l.wantPublished("guilty")
			l.fail(internal)
			l = f.line()
		}
		<-guilty.Done()
		var err *amqp.Error
		if !errors.As(guilty.Err(), &err) || err.Code != amqp.InternalError {
			t.Errorf("fate %v", guilty.Err())
		}
		l.cut()
	})
}

func TestRabbitMQIsAskedAgainWhenItRefusesTheFirstMessage(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		a, b := post(t, c, "a"), post(t, c, "b")
		l := f.line()
		l.wantPublished("a")
		l.wantNothing() // before that was answered
		l.nack(1)

		l = f.line() // by now the queue has a leader
		l.wantPublished("a")
		l.ack(1)
		wantFate(t, a, nil, true)
		l.wantPublished("b")
		l.ack(2)
		wantFate(t, b, nil, true)

		full := post(t, c, "full") // a refusal from a queue that was there
		l.wantPublished("full")
		l.nack(3)
		wantFate(t, full, client.ErrQueueFull, true)
		l.cut()

		refused := post(t, c, "for good")
		for range 8 {
			l = f.line()
			l.wantPublished("for good")
			l.nack(1)
		}
		wantRefused(t, refused)
		again := post(t, c, "again")
		l.wantPublished("again")
		l.nack(2)
		wantRefused(t, again)
		l.cut()
	}, onRabbitMQ)
}

// wantRefused wants a message to be refused by who knows what.
func wantRefused(t *testing.T, f *client.Fate) {
	t.Helper()
	wantFate(t, f, client.ErrRefused, true)
	if errors.Is(f.Err(), client.ErrQueueFull) {
		t.Error("a queue that may have no leader is called full")
	}
}

// A quorum queue without a leader tells of no messages.
func TestRabbitMQIsBelievedWhenAQueueThatHoldsMessagesRefusesTwice(t *testing.T) {
	exchange := &client.Exchange{Name: "shares", Kind: "direct"}
	for name, to := range map[string]struct {
		queue    *client.Queue
		envelope *client.Envelope
	}{
		"a queue": {client.Mailbox("jobs"), toJobs},
		"a queue behind an exchange": {
			&client.Queue{Name: "jobs.0", Durable: true, From: exchange, Keys: []string{"0"}},
			envelopeVia("shares", "0", amqp.Properties{}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, f *fake, c *client.Conn) {
				f.holds(to.queue.Name, 3)
				c.Ensure(to.queue)
				publish := func(body string) *client.Fate {
					f := new(client.Fate)
					if err := c.Publisher().Post(f, to.envelope, []byte(body), []byte(body)); err != nil {
						t.Fatal(err)
					}
					return f
				}
				a := publish("a")
				l := f.line()
				l.wantPublished("a")
				l.nack(1) // it may have lost its leader since it was asked

				l = f.line()
				l.wantPublished("a")
				l.nack(1)
				wantFate(t, a, client.ErrQueueFull, true)
				b := publish("b")
				l.wantPublished("b")
				l.nack(2)
				wantFate(t, b, client.ErrQueueFull, true)
				l.cut()

				last := publish("c") // each connection asks anew
				for _, next := range []uint32{3, 0, 0} {
					l = f.line()
					l.wantPublished("c")
					time.Sleep(20 * time.Second) // a queue that has lost most of its nodes answers so late, and tells of what it holds all the same
					f.holds(to.queue.Name, next)
					l.nack(1)
				}
				l = f.line()
				l.wantPublished("c")
				l.ack(1)
				wantFate(t, last, nil, true)
				l.cut()
			}, onRabbitMQ)
		})
	}
}

// Of two mailboxes on one connection one can be without a leader while messages to the other are confirmed.
func TestRabbitMQIsAskedAgainOfEachQueue(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		a := post(t, c, "a")
		l := f.line()
		l.wantPublished("a")
		l.ack(1)
		wantFate(t, a, nil, true)

		toOthers := envelope("others", amqp.Properties{AppID: "story"})
		other := func(body string) *client.Fate {
			f := new(client.Fate)
			if err := c.Publisher().Post(f, toOthers, []byte(body), []byte(body)); err != nil {
				t.Fatal(err)
			}
			l.wantPublished(body)
			return f
		}
		b, full := other("b"), other("c")
		l.nack(2)

		l = f.line()
		l.wantPublished("b")
		l.ack(1)
		wantFate(t, b, nil, true)
		l.wantPublished("c")
		l.nack(2)
		wantFate(t, full, client.ErrQueueFull, true)
		l.cut()
	}, onRabbitMQ)
}

func TestAWrongPasswordIsToldToSendsAtOnceAndKeepsPosts(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		posted := post(t, c, "kept")
		_, err := c.Publisher().Send(t.Context(), toJobs, nil, []byte("not kept"))
		var refused *amqp.Error
		if !errors.As(err, &refused) || refused.Code != amqp.AccessRefused {
			t.Fatal(err)
		}
		_, err = c.Publisher().Send(t.Context(), toJobs, nil, []byte("nor this"))
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		f.setPassword("") // somebody mends it
		for posted.Stage() == client.Held {
			time.Sleep(time.Second)
		}
		var l *line
		for l == nil || len(l.events) == 0 {
			l = f.line()
			synctest.Wait()
		}
		l.wantPublished("kept")
		l.ack(1)
		wantFate(t, posted, nil, true)
		l.cut()
	}, lockedOut)
}

func TestWaitingForAllToBeConfirmedEndsWhenTheLoginIsRefused(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		posted := post(t, c, "kept")
		for range 2 { // while it is tried for the first time, and when it is known
			err := c.Publisher().Flush(t.Context())
			var refused *amqp.Error
			if !errors.As(err, &refused) || refused.Code != amqp.AccessRefused {
				t.Fatal(err)
			}
		}
		if posted.Stage() != client.Held {
			t.Error("what was posted is not kept")
		}
	}, lockedOut)
}

func TestABlockedBrokerIsSentNothing(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		synctest.Wait()
		l.send(0, &amqp.ConnectionBlocked{Reason: "low on disk"})
		synctest.Wait()
		fate := post(t, c, "a")
		l.wantNothing()
		if fate.Stage() != client.Held {
			t.Errorf("stage %v", fate.Stage())
		}
		l.send(0, &amqp.ConnectionUnblocked{})
		l.wantPublished("a")
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}

func TestASendToABlockedBrokerSaysWhy(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		synctest.Wait()
		l.send(0, &amqp.ConnectionBlocked{Reason: "low on disk"})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		written, err := c.Publisher().Send(ctx, toJobs, []byte("x"), []byte("waits"))
		if written || !errors.Is(err, client.ErrBlocked) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "low on disk") {
			t.Errorf("written %v, %v", written, err)
		}
		if why := c.Publisher().Blocked(); why != "low on disk" {
			t.Errorf("the broker is blocked for %q", why)
		}
		l.send(0, &amqp.ConnectionUnblocked{})
		l.wantNothing()
		if why := c.Publisher().Blocked(); why != "" {
			t.Errorf("the broker is blocked for %q, and has said that it is not", why)
		}
		l.cut()
	})
}

// A broker that is short of memory does not read, RabbitMQ at least. Whoever then makes sure of a queue waits, and all who publish: for
// that, and not for a connection, however the last one ended.
func TestASendBehindAQuestionThatABlockedBrokerDoesNotReadSaysWhy(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		synctest.Wait()
		l.cut()
		l = f.line()
		synctest.Wait()
		l.send(0, &amqp.ConnectionBlocked{Reason: "low on memory"})
		synctest.Wait()
		l.pause()
		c.Ensure(&client.Queue{Name: "jobs", Durable: true})
		synctest.Wait()
		why := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.Publisher().Send(ctx, toJobs, []byte("x"), []byte("waits"))
			return err
		}
		if err := why(); !errors.Is(err, client.ErrBlocked) || errors.Is(err, client.ErrDown) {
			t.Errorf("blocked: %v", err)
		}
		l.send(0, &amqp.ConnectionUnblocked{})
		synctest.Wait()
		if err := why(); errors.Is(err, client.ErrBlocked) || errors.Is(err, client.ErrDown) || !strings.Contains(err.Error(), "has not answered") {
			t.Errorf("not answered: %v", err)
		}
		l.resume()
		l.cut()
	})
}

func TestAQueueIsMadeSureOfBeforeWhatIsPublishedAfter(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.missing = map[string]bool{"jobs": true}
		synctest.Wait()
		c.Ensure(&client.Queue{Name: "jobs", Durable: true})
		fate := post(t, c, "a")
		if m := next[amqp.QueueDeclare](l); !m.Passive {
			t.Errorf("first declare %+v", m)
		}
		if m := next[amqp.QueueDeclare](l); m.Passive || !m.Durable {
			t.Errorf("second declare %+v", m)
		}
		l.wantPublished("a")
		l.cut()
		l = f.line()
		next[amqp.QueueDeclare](l) // again on the next connection
		l.wantPublished("a")
		l.ack(1)
		wantFate(t, fate, nil, true)
		l.cut()
	})
}

func TestAQueueThatMayNotBeUsedStopsNobodyElse(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		l.unusable = map[string]*amqp.Error{"private": amqp.Errorf(amqp.AccessRefused, "access to queue refused")}
		q := c.Ensure(&client.Queue{Name: "private"})
		fate := post(t, c, "a")
		l.wantPublished("a")
		l.ack(1)
		wantFate(t, fate, nil, true)
		var refused *amqp.Error
		if !errors.As(q.Err(), &refused) {
			t.Errorf("the queue's error is %v", q.Err())
		}
		l.cut()
	})
}

func TestCloseDecidesEverything(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		written := post(t, c, "written")
		l := f.line()
		l.wantPublished("written")
		l.cut()
		f.setDown(true)
		synctest.Wait()
		held := post(t, c, "held")
		sent := make(chan error)
		go func() {
			_, err := c.Publisher().Send(context.Background(), toJobs, nil, nil)
			sent <- err
		}()
		synctest.Wait()
		c.Close()
		wantFate(t, written, client.ErrClosed, true)
		wantFate(t, held, client.ErrClosed, false)
		if err := <-sent; !errors.Is(err, client.ErrClosed) {
			t.Error(err)
		}
		if err := c.Publisher().Post(new(client.Fate), toJobs, nil, nil); err != client.ErrClosed {
			t.Error(err)
		}
	})
}

// What goes to a queue that is new here waits until the broker has said that it is there, and not until the reader has rested.
func TestAQuestionIsAnsweredThoughTheReaderRests(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		l := f.line()
		for range 5 { // by who waits for each confirm, so that the reader rests
			synctest.Wait()
			sent := make(chan error)
			go func() {
				_, err := c.Publisher().Send(t.Context(), toJobs, []byte("1"), []byte("a"))
				sent <- err
			}()
			l.ack(l.wantPublished("a").tag)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		began := time.Now()
		c.Ensure(&client.Queue{Name: "jobs"})
		post(t, c, "b")
		l.ack(l.wantPublished("b").tag)
		if took := time.Since(began); took != 0 {
			t.Errorf("it was published after %v", took)
		}
		l.cut()
	})
}

func TestFlushWaitsForTheLastConfirm(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		if err := c.Publisher().Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		post(t, c, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Publisher().Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		l := f.line()
		l.wantPublished("a")
		l.ack(1)
		if err := c.Publisher().Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.cut()
	})
}

func TestASilentBrokerIsLeft(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		fate := post(t, c, "a")
		l := f.line()
		l.wantPublished("a")
		// It says nothing any more, not even heartbeats.
		l2 := f.line()
		l2.wantPublished("a")
		l2.ack(1)
		wantFate(t, fate, nil, true)
		l2.cut()
	}, func(cfg *client.Config) { cfg.Heartbeat = 10 * time.Second })
}

// Somebody has deleted a queue that the connection had made sure of: what goes there next finds it again, or the reason why not.
func TestAQueueThatWasDeletedIsMadeAgain(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		x := &client.Exchange{Name: "jobs.partitions", Kind: "direct"}
		var l *line
		for _, q := range []*client.Queue{{Name: "jobs", Durable: true}, {Name: "jobs.p0", Durable: true, From: x, Keys: []string{"0/1"}}} {
			c.Ensure(q)
			via, key := "", q.Name
			if q.From != nil {
				via, key = x.Name, q.Keys[0]
			}
			publish := func(body string) *client.Fate {
				f := new(client.Fate)
				if err := c.Publisher().Post(f, envelopeVia(via, key, amqp.Properties{}), []byte(body), []byte(body)); err != nil {
					t.Fatal(err)
				}
				return f
			}
			gone := publish("1 " + q.Name)
			if l == nil {
				l = f.line()
			}
			p := l.wantPublished("1 " + q.Name)
			l.delete(q.Name)
			l.giveBackFrom(via, p)
			l.ack(p.tag)
			wantFate(t, gone, client.ErrUnroutable, true)
			publish("2 " + q.Name)
			for _, passive := range []bool{true, false} {
				if m := next[amqp.QueueDeclare](l); m.Queue != q.Name || m.Passive != passive {
					t.Fatalf("%+v", m)
				}
			}
			p = l.wantPublished("2 " + q.Name)
			l.giveBackFrom(via, p) // and so it goes on: it is asked for once a second
			l.ack(p.tag)
			synctest.Wait()
			publish("3 " + q.Name)
			p = l.wantPublished("3 " + q.Name)
			l.ack(p.tag)
			synctest.Wait()
		}
	})
}

// Messages of other programs may have the same id, or none. One that came back is not taken for another that went elsewhere.
func TestWhatCameBackIsKnownByWhereItWent(t *testing.T) {
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		var fates [2]client.Fate
		for i, queue := range []string{"dead", "retry"} {
			if err := c.Publisher().Post(&fates[i], envelope(queue, amqp.Properties{}), nil, []byte(queue)); err != nil {
				t.Fatal(err)
			}
		}
		l := f.line()
		l.wantPublished("dead")
		l.giveBack(l.wantPublished("retry"))
		l.ackUpTo(2)
		wantFate(t, &fates[0], nil, true)
		wantFate(t, &fates[1], client.ErrUnroutable, true)
	})
}

// noted is a Keeper that notes what it is told, in order.
type noted struct {
	mu  sync.Mutex
	all []string
}

func (n *noted) Keep(m client.Kept, _ ...[]byte) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, "keep "+m.Target)
	return uint64(len(n.all)), nil
}

func (n *noted) Done(tickets []uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, fmt.Sprint("done ", tickets))
}

// Who is told that a kept message came back may keep it for another start. A process that is killed at any moment has one of the two on its disk.
func TestWhatCameBackIsKeptAnewBeforeItIsDoneWith(t *testing.T) {
	kept := new(noted)
	story(t, func(t *testing.T, f *fake, c *client.Conn) {
		a, b := new(client.Fate), new(client.Fate)
		b.Tell(func(err error) {
			if errors.Is(err, client.ErrUnroutable) {
				kept.Keep(client.Kept{Target: "b anew"})
			}
		})
		for body, f := range map[string]*client.Fate{"a": a, "b": b} {
			if err := c.Publisher().Post(f, toJobs.Kept(body), []byte(body), []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		l := f.line()
		for range 2 {
			if p := next[published](l); p.body == "b" {
				l.giveBack(p)
			}
		}
		l.ackUpTo(2)
		wantFate(t, a, nil, true)
		wantFate(t, b, client.ErrUnroutable, true)
		synctest.Wait()
		if n := len(kept.all); n != 4 || kept.all[2] != "keep b anew" || kept.all[3] != "done [1 2]" {
			t.Errorf("the keeper was told %q", kept.all)
		}
	}, func(cfg *client.Config) { cfg.Keeper = kept })
}

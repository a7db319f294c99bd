package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// failing handles a target and tells when each message came and how often it had failed. What fate returns is what
// the handler does.
func failing(t *testing.T, n *postrider.Node, target *postrider.Target, fate func(m *postrider.Message, failures int) error,
	opts ...postrider.HandleOption) <-chan string {
	t.Helper()
	start := time.Now()
	seen := make(chan string, 1000)
	err := n.Handle(t.Context(), target, func(_ context.Context, m *postrider.Message) error {
		f, _ := m.Failure()
		seen <- fmt.Sprintf("%s after %v, %d failures", m.Body, time.Since(start).Round(10*time.Millisecond), f.Tries)
		return fate(m, f.Tries)
	}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func wantSeen(t *testing.T, seen <-chan string, all ...string) {
	t.Helper()
	for _, want := range all {
		select {
		case got := <-seen:
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		case <-time.After(100 * time.Hour):
			t.Fatalf("%q did not come", want)
		}
	}
}

func wantNoMore(t *testing.T, seen <-chan string) {
	t.Helper()
	time.Sleep(48 * time.Hour)
	select {
	case got := <-seen:
		t.Error("and again:", got)
	default:
	}
}

// A dead letter that is sent again under its id, and in hand while the connection breaks, is not taken for what it was in its first life.
func TestADeadLettersSecondLifeOutlivesABrokenConnection(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, mq := net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		lives, handled := make(chan *postrider.Message), make(chan *postrider.Message, 1)
		life := 0
		err := bob.Handle(t.Context(), bob.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
			switch life++; life {
			case 1:
				return postrider.Reject(errors.New("not yet"))
			case 2:
				lives <- m
				<-lives
				return m.Requeue() // it is not this connection's any more
			}
			handled <- m
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		send := func() {
			t.Helper()
			if err := alice.Mailbox("jobs").Send(t.Context(), "a", postrider.ID("order 7")); err != nil {
				t.Fatal(err)
			}
		}
		send()
		wantBody(t, collect(t, bob, bob.Mailbox("jobs").Dead()), "a")
		synctest.Wait()
		send()
		m := <-lives
		mq.cut()
		time.Sleep(time.Minute)
		lives <- m
		if m := wantBody(t, handled, "a"); !m.Redelivered {
			t.Error("not marked redelivered")
		}
	})
}

func TestAMessageThatKeepsFailingDies(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := worker.Mailbox("jobs")
		seen := failing(t, worker, jobs, func(_ *postrider.Message, failures int) error {
			return fmt.Errorf("reason %d", failures+1)
		}, postrider.MaxTries(4))
		sent := time.Now()
		if err := producer.Mailbox("jobs").Send(t.Context(), "a", postrider.ID("order 7")); err != nil {
			t.Fatal(err)
		}
		wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures", "a after 400ms, 2 failures", "a after 1.4s, 3 failures")
		m := wantBody(t, collect(t, worker, jobs.Dead()), "a")
		f, ok := m.Failure()
		if !ok || f.Tries != 4 || f.Reason != "reason 4" || f.Target != "jobs" ||
			f.First.Sub(sent) > time.Second || f.Last.Sub(f.First).Round(100*time.Millisecond) != 1400*time.Millisecond {
			t.Errorf("%+v", f)
		}
		if m.ID != "order 7" || m.From != "alice" || m.To != "jobs.dead" || m.ContentType != postrider.TypeText {
			t.Errorf("%+v", m)
		}
		wantNoMore(t, seen)
	})
}

// Whom a publisher has named in the header CC gets his copy once, however often the message is tried where it went.
func TestAnotherTryIsNotAnotherCopy(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		worker := net.node("worker", onBroker)
		copies := failing(t, worker, worker.Mailbox("copies"), func(*postrider.Message, int) error { return nil })
		jobs := worker.Mailbox("jobs")
		seen := failing(t, worker, jobs, func(*postrider.Message, int) error { return errors.New("no") }, postrider.MaxTries(2))
		publishAs(t, net, amqp.Properties{Headers: amqp.Table{"CC": []any{"copies"}}}, "jobs", "a")
		wantSeen(t, copies, "a after 0s, 0 failures")
		wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures")
		time.Sleep(time.Second) // it would be copied with each try of each copy
		if n := len(copies); n > 0 {
			t.Fatalf("%d more copies came", n)
		}
		wantBody(t, collect(t, worker, jobs.Dead()), "a")
	})
}

// A message that has expired in the mailbox once, or was dropped from it when it was full, and was put back with all its headers, comes back from
// where it waits for another try, too: a broker that finds in x-death that it would go round by itself drops it.
func TestWhatHasDiedBeforeIsTriedAgain(t *testing.T) {
	for _, reason := range []string{"expired", "maxlen"} {
		inMemory(t, func(t *testing.T, net *network) {
			net.broker()
			worker := net.node("worker", onBroker)
			seen := failing(t, worker, worker.Mailbox("jobs"), func(_ *postrider.Message, failures int) error {
				if failures < 2 {
					return errors.New("not now")
				}
				return nil
			})
			publishAs(t, net, amqp.Properties{Headers: amqp.Table{"x-death": []any{
				amqp.Table{"queue": "jobs", "reason": reason, "count": int64(1), "exchange": "", "routing-keys": []any{"jobs"}},
			}}}, "jobs", "a")
			wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures", "a after 400ms, 2 failures")
		})
	}
}

// Nobody could pass on what has no room for the history of its failures.
func TestAMessageWithoutRoomForItsFailuresDies(t *testing.T) {
	for name, opts := range map[string][]postrider.MailboxOption{"plain": nil, "one receiver": {postrider.SingleActive()}, "partitions": {postrider.Partitions(1)}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
				jobs := worker.Mailbox("jobs", opts...)
				seen := failing(t, worker, jobs, func(*postrider.Message, int) error { return errors.New("no") })
				large := strings.Repeat("x", amqp.MaxTableBytes-100)
				if err := producer.Mailbox("jobs", opts...).Send(t.Context(), "a", postrider.Header("large", large)); err != nil {
					t.Fatal(err)
				}
				wantSeen(t, seen, "a after 0s, 0 failures")
				m := wantBody(t, collect(t, worker, jobs.Dead()), "a")
				if m.Header("large") != large {
					t.Error("it has lost its headers")
				}
				if s := worker.Stats(); s.Dead != 1 || s.Retries != 0 {
					t.Errorf("%+v", s)
				}
				time.Sleep(10 * time.Second)
				if len(seen) > 0 {
					t.Error("and again:", <-seen)
				}
			})
		})
	}
}

// The queues beside a mailbox have longer names than it has. Where they would be too long nobody receives, rather than that what fails comes again without end.
func TestAMailboxWhoseNameIsTooLongIsNotReceivedFrom(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		named := func(first string, n int) string { return first + strings.Repeat("n", n-len(first)) }
		for name, target := range map[string]*postrider.Target{
			"mailbox":    worker.Mailbox(named("mailbox", 239)),
			"dead":       worker.Mailbox(named("dead", 239)).Dead(),
			"one":        worker.Mailbox(named("one", 239), postrider.SingleActive()),
			"partitions": worker.Mailbox(named("partitions", 239), postrider.Partitions(1)),
			"topic":      worker.Topic(named("topic", 239)),
			"durable":    worker.Topic("durable", postrider.Durable(named("", 231))),
		} {
			err := worker.Handle(t.Context(), target, func(context.Context, *postrider.Message) error { return nil })
			for _, inLoop := range worker.Messages(t.Context(), postrider.Of(target)) {
				if err == nil || fmt.Sprint(inLoop) != err.Error() || !strings.Contains(err.Error(), "its name is 239 bytes long, and 238 are allowed") {
					t.Error(name, err, inLoop)
				}
			}
		}
		if err := producer.Mailbox(named("", 255)).Send(t.Context(), "for another program"); err != nil {
			t.Error(err)
		}
		longest := worker.Mailbox(named("", 238))
		failing(t, worker, longest, func(*postrider.Message, int) error { return postrider.Reject(nil) })
		started := time.Now()
		dead := failing(t, worker, longest.Dead(), func(*postrider.Message, int) error {
			if time.Since(started) == 0 {
				return postrider.Retry(300 * time.Millisecond)
			}
			return nil
		})
		if err := producer.Mailbox(named("", 238)).Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantSeen(t, dead, "a after 0s, 1 failures", "a after 300ms, 1 failures")
	})
}

// publishAs publishes as a program does that knows AMQP alone.
func publishAs(t *testing.T, net *network, p amqp.Properties, queue, body string) {
	t.Helper()
	publishTo(t, "amqp://mq:1", net.Dialer("application"), p, queue, body)
}

func publishTo(t *testing.T, url string, dial func(context.Context, string, string) (net.Conn, error), p amqp.Properties, queue, body string) {
	t.Helper()
	publishVia(t, url, dial, p, "", queue, body)
}

func publishVia(t *testing.T, url string, dial func(context.Context, string, string) (net.Conn, error), p amqp.Properties, exchange, key, body string) {
	t.Helper()
	at, err := client.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Config{Addresses: []client.Address{at}, Publishes: true, Dial: dial})
	defer c.Close()
	e, err := client.NewEnvelope(exchange, key, true, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Publisher().Send(t.Context(), e, nil, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func TestARejectedMessageDiesAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := worker.Mailbox("jobs")
		seen := failing(t, worker, jobs, func(m *postrider.Message, _ int) error {
			if string(m.Body) == "good" {
				return nil
			}
			return fmt.Errorf("order: %w", postrider.Reject(errors.New("cannot be read")))
		})
		post(t, producer.Mailbox("jobs"), "bad")
		post(t, producer.Mailbox("jobs"), "good")
		m := wantBody(t, collect(t, worker, jobs.Dead()), "bad")
		if f, ok := m.Failure(); !ok || f.Tries != 1 || f.Reason != "order: cannot be read" {
			t.Errorf("%+v", f)
		}
		wantSeen(t, seen, "bad after 0s, 0 failures", "good after 0s, 0 failures")
		wantNoMore(t, seen)
	})
}

// Nothing that a handler returns ends its process.
func TestWhatIsReturnedIsNilInside(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		n := net.node("alice")
		jobs := n.Mailbox("jobs")
		err := n.Handle(t.Context(), jobs, func(_ context.Context, m *postrider.Message) error {
			if string(m.Body) == "rejected" {
				return postrider.Reject(nil)
			}
			var nobody *postrider.RemoteError
			return nobody
		}, postrider.MaxTries(1))
		if err != nil {
			t.Fatal(err)
		}
		for body, reason := range map[string]string{"rejected": "no reason was given", "failed": "panicked"} {
			_, err := postrider.Call[string](t.Context(), jobs, body)
			wantRemote(t, err, 500, reason)
			wantRemote(t, jobs.Send(t.Context(), body, untilHandled), 500, reason)
			for m, err := range n.Messages(t.Context(), postrider.Of(jobs.Dead())) {
				if err != nil {
					t.Fatal(err)
				}
				if f, _ := m.Failure(); string(m.Body) != body || !strings.Contains(f.Reason, reason) {
					t.Errorf("%s is a dead letter for %q, want %s for %q", m.Body, f.Reason, body, reason)
				}
				m.Ack()
				break
			}
		}
	})
}

func TestAMessageCanBeAskedForLater(t *testing.T) {
	for _, wait := range []time.Duration{
		time.Millisecond, 100 * time.Millisecond, 730 * time.Millisecond, 47 * time.Second, 20 * time.Minute, 31 * time.Hour,
	} {
		onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
			var n int
			start := time.Now()
			var came []time.Duration
			done := make(chan struct{})
			err := worker.Handle(t.Context(), worker.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
				came = append(came, time.Since(start))
				if n++; n < 3 {
					return postrider.Retry(wait)
				}
				if _, failed := m.Failure(); failed {
					t.Error("a retry counts as a failure")
				}
				close(done)
				return nil
			}, postrider.MaxTries(1))
			if err != nil {
				t.Fatal(err)
			}
			post(t, producer.Mailbox("jobs"), "a")
			<-done
			for i, at := range came {
				if late := at - time.Duration(i)*wait; late < -20*time.Millisecond || late > 100*time.Millisecond {
					t.Errorf("number %d after %v, want %v", i, at, time.Duration(i)*wait)
				}
			}
		})
	}
}

func TestAnImpatientMessageDoesNotWaitBehindAPatientOne(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		seen := failing(t, worker, worker.Mailbox("jobs"), func(m *postrider.Message, failures int) error {
			if failures > 0 {
				return nil
			}
			return errors.New("not now")
		}, postrider.Backoff(func(int) time.Duration { return time.Hour }))
		post(t, producer.Mailbox("jobs"), "hour")
		wantSeen(t, seen, "hour after 0s, 0 failures")
		quick := failing(t, worker, worker.Mailbox("quick"), func(m *postrider.Message, failures int) error {
			if failures > 0 {
				return nil
			}
			return errors.New("not now")
		})
		post(t, producer.Mailbox("quick"), "100 ms")
		wantSeen(t, quick, "100 ms after 0s, 0 failures", "100 ms after 100ms, 1 failures")
		wantSeen(t, seen, "hour after 1h0m0s, 1 failures")
	})
}

func TestWhatFailedInAnInboxIsTriedAgainThere(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		seen := failing(t, bob, bob.Inbox(), func(_ *postrider.Message, failures int) error {
			return errors.New("never")
		}, postrider.MaxTries(2))
		if err := alice.Peer("bob").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures")
		m := wantBody(t, collect(t, bob, bob.Inbox().Dead()), "a")
		if f, _ := m.Failure(); m.From != "alice" || f.Tries != 2 || f.Target != "bob" {
			t.Errorf("%+v %+v", m, f)
		}
	})
}

func TestAWaitingMessageOutlivesItsNode(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(c *postrider.Config) { c.Dir = dir })
		failed := make(chan struct{})
		err := alice.Handle(t.Context(), alice.Mailbox("jobs"), func(context.Context, *postrider.Message) error {
			close(failed)
			return errors.New(strings.Repeat("long ", 1000))
		}, postrider.Backoff(func(int) time.Duration { return time.Minute }))
		if err != nil {
			t.Fatal(err)
		}
		post(t, alice.Mailbox("jobs"), "a")
		<-failed
		if err := alice.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := net.node("alice", func(c *postrider.Config) { c.Dir = dir })
		m := wantBody(t, collect(t, again, again.Mailbox("jobs")), "a")
		if f, _ := m.Failure(); f.Tries != 1 || len(f.Reason) != 1024 || !m.Redelivered {
			t.Errorf("%+v", f)
		}
	})
}

// What cannot wait elsewhere, for the queue there is full or forbidden, waits here, and its failures count.
func TestAMessageThatCannotWaitElsewhereWaitsHere(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.ShareMailboxes = true })
		takeNothing(t, net, "alice:1", "jobs.retry.100ms", "jobs.retry.300ms", "jobs.retry.1s")
		seen := failing(t, alice, alice.Mailbox("jobs"), func(*postrider.Message, int) error { return errors.New("not now") }, postrider.MaxTries(4))
		post(t, alice.Mailbox("jobs"), "a")
		wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures", "a after 400ms, 2 failures", "a after 1.4s, 3 failures")
		dead := collect(t, alice, alice.Mailbox("jobs").Dead())
		wantBody(t, dead, "a")
		wantNoMore(t, seen)
	})
}

// What its handler asks for later is there later, though it cannot wait elsewhere; that is tried meanwhile, so that the message is safe there if its
// receiver ends.
func TestAMessageThatCannotWaitElsewhereGoesThereWhenItCan(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		takeNothing(t, net, "mq:1", "jobs.retry.10m")
		alice := net.node("alice", onBroker)
		later := []error{postrider.Retry(15 * time.Minute), nil}
		seen := failing(t, alice, alice.Mailbox("jobs"), func(*postrider.Message, int) (what error) {
			what, later = later[0], later[1:]
			return what
		})
		post(t, alice.Mailbox("jobs"), "a")
		wantSeen(t, seen, "a after 0s, 0 failures")
		time.Sleep(time.Minute)
		wantWaiting(t, mq, "jobs", 1)
		deletes(t, mq, "jobs.retry.10m")
		time.Sleep(4 * time.Minute)
		wantWaiting(t, mq, "jobs", 0)
		wantWaiting(t, mq, "jobs.retry.10m", 1)
		wantSeen(t, seen, "a after 15m0s, 0 failures")
		wantNoMore(t, seen)
	})
}

// A dead message that cannot be laid with the dead stays with who has it, who does not handle it again, until it can be. He puts it back before the broker
// takes it away from him, and when he stops.
func TestADeadMessageThatNothingTakesIsKept(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		takeNothing(t, net, "mq:1", "jobs.dead")
		for _, name := range []string{"alice", "bob"} {
			worker := net.node(name, onBroker)
			jobs := worker.Mailbox("jobs")
			if name == "alice" {
				post(t, jobs, "a")
			}
			seen := failing(t, worker, jobs, func(*postrider.Message, int) error { return postrider.Reject(errors.New("never")) })
			wantSeen(t, seen, "a after 0s, 0 failures")
			time.Sleep(14 * time.Minute)
			wantWaiting(t, mq, "jobs", 1)
			select {
			case again := <-seen:
				t.Error("and again:", again)
			default:
			}
			time.Sleep(16 * time.Minute)
			wantSeen(t, seen, "a after 14m44s, 0 failures", "a after 29m28s, 0 failures")
			if name == "bob" {
				deletes(t, mq, "jobs.dead")
				time.Sleep(4 * time.Second)
				m := <-collect(t, worker, jobs.Dead())
				time.Sleep(time.Second) // while the one that is kept is acknowledged
				if f, _ := m.Failure(); f.Tries != 1 || f.Reason != "never" || f.Target != "jobs" {
					t.Errorf("%+v", f)
				}
			}
			worker.Close()
		}
		wantWaiting(t, mq, "jobs", 0)
	})
}

// takeNothing declares queues that refuse whatever is published to them.
func takeNothing(t *testing.T, net *network, at string, queues ...string) {
	t.Helper()
	u, err := client.ParseURL("amqp://" + at)
	if err != nil {
		t.Fatal(err)
	}
	operator := client.New(client.Config{Addresses: []client.Address{u}, Publishes: true, Dial: net.Dialer("operator")})
	defer operator.Close()
	for _, name := range queues {
		operator.Ensure(&client.Queue{Name: name, Durable: true, Args: amqp.Table{"x-max-length": int32(0), "x-overflow": "reject-publish"}})
	}
	time.Sleep(time.Second)
}

// wantWaiting checks how many messages a queue has, ready or handed out.
func wantWaiting(t *testing.T, mq *broker.Broker, queue string, want int) {
	t.Helper()
	got := -1
	mq.EachQueue(func(q broker.QueueStats) {
		if q.Name == queue {
			got = q.Ready + q.Unacked
		}
	})
	if got != want {
		t.Errorf("%s has %d messages, want %d", queue, got, want)
	}
}

// Unless somebody says otherwise a message is tried ten times.
func TestAMessageIsTriedTenTimes(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := worker.Mailbox("jobs")
		tries := 0
		err := worker.Handle(t.Context(), jobs, func(context.Context, *postrider.Message) error {
			tries++
			return errors.New("never")
		})
		if err != nil {
			t.Fatal(err)
		}
		post(t, producer.Mailbox("jobs"), "a")
		m := wantBody(t, collect(t, worker, jobs.Dead()), "a")
		if f, ok := m.Failure(); !ok || f.Tries != 10 || f.Reason != "never" || tries != 10 {
			t.Errorf("%+v after %d tries", f, tries)
		}
	})
}

// What waits for another try expires there, too; of what is dead somebody may learn however late it is.
func TestAMessageThatWaitsForAnotherTryExpires(t *testing.T) {
	for name, opts := range map[string][]postrider.MailboxOption{"plain": nil, "one receiver": {postrider.SingleActive()}, "partitions": {postrider.Partitions(1)}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
				jobs := worker.Mailbox("jobs", opts...)
				tries := map[string]int{}
				err := worker.Handle(t.Context(), jobs, func(_ context.Context, m *postrider.Message) error {
					switch tries[string(m.Body)]++; string(m.Body) {
					case "later":
						return postrider.Retry(2 * time.Minute)
					case "bad":
						return postrider.Reject(errors.New("never"))
					}
					return errors.New("not now")
				}, postrider.Backoff(func(int) time.Duration { return 2 * time.Minute }))
				if err != nil {
					t.Fatal(err)
				}
				for _, body := range []string{"later", "failing", "bad"} {
					if err := producer.Mailbox("jobs", opts...).Send(t.Context(), body, postrider.Expires(5*time.Minute), postrider.Key(body)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if tries["later"] != 3 || tries["failing"] != 3 { // at once, after two minutes, and after four
					t.Errorf("tried %v", tries)
				}
				got := collect(t, worker, jobs.Dead())
				wantBody(t, got, "bad")
				wantNone(t, got)
			})
		})
	}
}

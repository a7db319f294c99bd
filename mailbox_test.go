package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// onBoth tells a story of mailboxes twice: once in the broker embedded in the one node, once on a
// broker of its own with two.
func onBoth(t *testing.T, tell func(t *testing.T, producer, worker *postrider.Node)) {
	t.Run("embedded", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			n := net.node("alice")
			tell(t, n, n)
		})
	})
	t.Run("broker", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			net.broker()
			tell(t, net.node("alice", onBroker), net.node("bob", onBroker))
		})
	})
}

func TestAMailboxKeepsMessagesUntilSomebodyWorks(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := producer.Mailbox("jobs")
		if err := jobs.Send(t.Context(), "a", postrider.ID("first")); err != nil {
			t.Fatal(err)
		}
		wantGrade(t, post(t, jobs, "b"), postrider.Stored)
		got := collect(t, worker, worker.Mailbox("jobs"))
		if m := wantBody(t, got, "a"); m.ID != "first" || m.From != "alice" || m.To != "jobs" || m.Redelivered {
			t.Errorf("%+v", m)
		}
		wantBody(t, got, "b")
	})
}

func TestAHandlerThatFailsGetsTheMessageAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		start := time.Now()
		tries := make(chan string, 10)
		var n int
		err := worker.Handle(t.Context(), worker.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
			n++
			tries <- fmt.Sprint(string(m.Body), " redelivered ", m.Redelivered, " after ", time.Since(start).Round(time.Millisecond))
			switch n {
			case 1:
				return errors.New("not now")
			case 2:
				panic("not now either")
			case 3:
				runtime.Goexit()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := producer.Mailbox("jobs").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"a redelivered false after 0s",
			"a redelivered true after 100ms",
			"a redelivered true after 400ms",
			"a redelivered true after 1.4s",
		} {
			if got := <-tries; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		time.Sleep(time.Hour)
		if len(tries) > 0 {
			t.Error("and again:", <-tries)
		}
	})
}

func TestWorkersShareAMailbox(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		var now, most atomic.Int32
		done := make(chan string, 100)
		err := worker.Handle(t.Context(), worker.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			done <- string(m.Body)
			return nil
		}, postrider.Workers(5))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for i := range 20 {
			post(t, producer.Mailbox("jobs"), fmt.Sprint(i))
		}
		seen := map[string]bool{}
		for range 20 {
			seen[<-done] = true
		}
		if d := time.Since(start); d != 4*time.Second || len(seen) != 20 || most.Load() != 5 {
			t.Errorf("%d messages by %d workers in %v", len(seen), most.Load(), d)
		}
	})
}

func TestCallsThroughAMailbox(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		err := worker.Handle(t.Context(), worker.Mailbox("quotes"), func(ctx context.Context, m *postrider.Message) error {
			var a ask
			if err := m.Decode(&a); err != nil {
				return err
			}
			if a.N == 0 {
				return errors.New("nothing asked")
			}
			return m.Reply(ctx, quote{2 * a.N})
		})
		if err != nil {
			t.Fatal(err)
		}
		q, err := postrider.Call[quote](within(t, time.Minute), producer.Mailbox("quotes"), ask{21})
		if err != nil || q.Price != 42 {
			t.Error(q, err)
		}
		_, err = postrider.Call[quote](within(t, time.Minute), producer.Mailbox("quotes"), ask{})
		var remote *postrider.RemoteError
		if !errors.As(err, &remote) || remote.Reason != "nothing asked" {
			t.Error(err)
		}
		_, err = postrider.Call[quote](within(t, time.Minute), producer.Mailbox("nobody works here"), ask{1})
		fate(t, err, true, context.DeadlineExceeded)
	})
}

func TestHandlingEndsWithItsContextAndGivesBackTheRest(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := worker.Mailbox("jobs")
		ctx, stop := context.WithCancel(t.Context())
		begun := make(chan string, 10)
		err := worker.Handle(ctx, jobs, func(ctx context.Context, m *postrider.Message) error {
			begun <- string(m.Body)
			<-ctx.Done()
			return ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []string{"a", "b", "c"} {
			if err := producer.Mailbox("jobs").Send(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		<-begun
		stop()
		synctest.Wait()
		if len(begun) > 0 {
			t.Error("another was begun after the end")
		}
		got := collect(t, worker, jobs)
		for _, b := range []string{"a", "b", "c"} {
			wantBody(t, got, b)
		}
	})
}

func TestALoopOverAMailbox(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		for _, b := range []string{"a", "b", "c"} {
			if err := producer.Mailbox("jobs").Send(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		jobs := worker.Mailbox("jobs")
		first := func() *postrider.Message {
			for m, err := range worker.Messages(t.Context(), postrider.Of(jobs)) {
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			return nil
		}
		a := first()
		b := first()
		if string(a.Body) != "a" || string(b.Body) != "b" {
			t.Errorf("first %q, then %q", a.Body, b.Body)
		}
		a.Ack() // after the loop
		b.Requeue()
		synctest.Wait()
		if again := first(); string(again.Body) != "b" || !again.Redelivered {
			t.Errorf("then %q", again.Body)
		} else {
			again.Ack()
		}
		for _, err := range worker.Messages(within(t, time.Second), postrider.Of(worker.Mailbox("empty"))) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
	})
}

func TestABrokerThatIsAwayForAWhile(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		got := collect(t, bob, bob.Mailbox("jobs"))
		wantGrade(t, post(t, alice.Mailbox("jobs"), "before"), postrider.Stored)
		wantBody(t, got, "before")

		b.Close()
		synctest.Wait()
		rc := post(t, alice.Mailbox("jobs"), "held")
		fate(t, alice.Mailbox("jobs").Send(within(t, time.Second), "x"), false, postrider.ErrPeerDown, context.DeadlineExceeded)
		time.Sleep(time.Minute)

		net.broker() // which has forgotten everything, the mailbox too
		wantGrade(t, rc, postrider.Stored)
		wantBody(t, got, "held")
	})
}

// inHand has bob hold a message while his connection breaks, and returns once the broker has delivered it again.
func inHand(t *testing.T, net *network) (bob *postrider.Node, in <-chan *postrider.Message, out chan<- error) {
	_, l := net.broker()
	alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
	messages, fates := make(chan *postrider.Message), make(chan error)
	bob.Handle(t.Context(), bob.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
		messages <- m
		return <-fates
	}, postrider.Workers(2))
	if err := alice.Mailbox("jobs").Send(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if m := <-messages; m.Redelivered {
		t.Error("redelivered the first time")
	}
	l.cut()
	time.Sleep(time.Minute)
	return bob, messages, fates
}

func TestAMessageInHandWhenTheConnectionBreaksIsHandledOnce(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob, in, out := inHand(t, net)
		out <- nil // too late for the broker, which has delivered the message again
		time.Sleep(time.Minute)
		select {
		case <-in:
			t.Error("handled twice")
		default:
		}
		bob.Close()
		carol := net.node("carol", onBroker)
		wantNone(t, collect(t, carol, carol.Mailbox("jobs")))
	})
}

func TestAMessageThatFailsAfterTheConnectionBrokeComesAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, in, out := inHand(t, net)
		out <- errors.New("not now")
		if m := <-in; string(m.Body) != "a" || !m.Redelivered {
			t.Errorf("%q redelivered %v", m.Body, m.Redelivered)
		}
		out <- nil
		time.Sleep(time.Hour)
		select {
		case <-in:
			t.Error("it came a third time")
		default:
		}
	})
}

func TestAMessageOfANodeThatDiedGoesToAnother(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob, _, out := inHand(t, net)
		go bob.Close()
		carol := net.node("carol", onBroker)
		if m := wantBody(t, collect(t, carol, carol.Mailbox("jobs")), "a"); !m.Redelivered {
			t.Error("not marked as redelivered")
		}
		out <- nil
		time.Sleep(time.Minute)
	})
}

func TestABrokerThatRefusesTheLogin(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, err := broker.Open(broker.Config{Users: map[string]string{"bob": "secret"}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		go b.Serve(net.listen("mq:1"))
		alice := net.node("alice", onBroker)
		// Nobody has to wait for the end of a context that has none.
		err = alice.Mailbox("jobs").Send(t.Context(), "x")
		var remote *postrider.RemoteError
		if !errors.As(err, &remote) || remote.Code != 403 {
			t.Error(err)
		}
		fate(t, err, false)
		// Nor for what was posted.
		receipt, err := alice.Mailbox("jobs").Post(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if err := alice.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "1 message was not delivered") {
			t.Error(err)
		}
		if _, err := receipt.Wait(t.Context()); !errors.Is(err, postrider.ErrClosed) {
			t.Error(err)
		}
		bob := net.node("bob", func(cfg *postrider.Config) { cfg.Brokers = []string{"amqp://bob:secret@mq:1"} })
		if err := bob.Mailbox("jobs").Send(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}

func TestTheNextBrokerOfAListIsTried(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", func(cfg *postrider.Config) {
			cfg.Brokers = []string{"amqp://gone:1", "amqp://mq:1"}
		})
		if err := alice.Mailbox("jobs").Send(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}

// Who connects to a node as a peer does may put messages into its inbox. He receives nothing, makes nothing, and puts nothing elsewhere.
func TestAPeerMayOnlyPutMessagesIntoTheInbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob")
		for _, to := range []*postrider.Target{bob.Inbox(), bob.Mailbox("jobs")} {
			if err := to.Send(t.Context(), "secret"); err != nil {
				t.Fatal(err)
			}
		}
		at, err := client.ParseURL("amqp://bob:1")
		if err != nil {
			t.Fatal(err)
		}
		alice := net.node("alice")
		c := client.New(client.Config{Addresses: []client.Address{at}, Publishes: true, Dial: net.Dialer("mallory")})
		defer c.Close()
		refused := func(what string, err error) {
			t.Helper()
			var e *amqp.Error
			if !errors.As(err, &e) || e.Code != amqp.AccessRefused && e.Code != amqp.ResourceLocked { // that of control messages is the node's alone
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, name := range []string{"bob", "jobs", "bob.control"} {
			u := c.Consume(&client.Queue{Name: name}, 10, func(d *client.Delivery) { t.Errorf("%q was received", d.Body) })
			<-u.First()
			refused("to receive from "+name, u.Err())
			<-u.Release()
		}
		for _, name := range []string{"jobs", "mine"} {
			refused("to send to "+name, func() error {
				e, err := client.NewEnvelope("", name, true, amqp.Properties{})
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Publisher().Send(within(t, time.Minute), e, []byte("id"), []byte("x"))
				return err
			}())
		}
		if err := alice.Peer("bob").Send(t.Context(), "x"); err != nil {
			t.Error(err)
		}
		got := collect(t, bob, bob.Inbox())
		wantBody(t, got, "secret")
		wantBody(t, got, "x")
		wantBody(t, collect(t, bob, bob.Mailbox("jobs")), "secret")
	})
}

func TestWhatIsSentToAPeerIsNotReceivedHere(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		nothing := func(context.Context, *postrider.Message) error { return nil }
		if err := alice.Handle(t.Context(), alice.Peer("bob"), nothing); err == nil {
			t.Error("alice handles what is sent to bob")
		}
		if err := alice.Handle(t.Context(), bob.Inbox(), nothing); err == nil {
			t.Error("alice handles bob's inbox")
		}
	})
}

func TestANodeSharesItsMailboxes(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob := net.node("bob", func(cfg *postrider.Config) { cfg.ShareMailboxes = true })
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.Brokers = []string{"amqp://bob:1"} })
		got := collect(t, alice, alice.Mailbox("jobs"))
		if err := bob.Mailbox("jobs").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "a")
		closed := net.node("carol")
		dave := net.node("dave", func(cfg *postrider.Config) { cfg.Brokers = []string{"amqp://carol:1"} })
		err := dave.Handle(t.Context(), dave.Mailbox("jobs"), func(context.Context, *postrider.Message) error { return nil })
		var remote *postrider.RemoteError
		if !errors.As(err, &remote) || remote.Code != 403 {
			t.Errorf("%s lets others use its mailboxes: %v", closed.Name(), err)
		}
	})
}

func TestACallWhoseMessageIsRequeuedIsAnsweredByTheNextHandler(t *testing.T) {
	alice, bob := pair(t)
	ctx := soon(t)
	first := true
	err := bob.Handle(ctx, bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		if first {
			first = false
			return m.Requeue()
		}
		return m.Reply(ctx, "answered")
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := postrider.Call[string](ctx, alice.Peer("bob"), "question")
	if err != nil || answer != "answered" {
		t.Fatalf("got %q, %v", answer, err)
	}
}

// That the next connection is refused says nothing about what was written on the last one.
func TestASendThatIsRefusedTheNextConnectionMayHaveBeenDelivered(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq := net.BrokerWith("mq", broker.Config{})
		alice := net.node("alice", onBroker)
		jobs := alice.Mailbox("jobs")
		if err := jobs.Send(within(t, time.Minute), "confirmed"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // nothing else is asked of the broker
		net.Mute("mq")
		done := make(chan error)
		go func() { done <- jobs.Send(within(t, time.Minute), "written") }()
		synctest.Wait()
		mq.Close()
		strict := net.BrokerWith("mq", broker.Config{Users: map[string]string{"somebody": "else"}})
		defer strict.Close()
		net.Unmute("mq")
		var refused *postrider.RemoteError
		err := <-done
		if e := fate(t, err, true, postrider.ErrPeerDown); e.Stage != postrider.OnWire || !errors.As(err, &refused) {
			t.Error(e)
		}
		fate(t, jobs.Send(within(t, time.Minute), "never written"), false, postrider.ErrPeerDown)
	})
}

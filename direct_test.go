package postrider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

func TestASendToAPeerThatIsDownWaitsUntilItsContextEnds(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		err := alice.Peer("bob").Send(within(t, time.Second), "hello")
		e := fate(t, err, false, postrider.ErrPeerDown, context.DeadlineExceeded, postridertest.ErrRefused)
		if e.Stage != postrider.InOutbox || e.Target != "peer bob" {
			t.Errorf("%+v", e)
		}
		bob := net.node("bob")
		got := collect(t, bob, bob.Inbox())
		if err := alice.Peer("bob").Send(t.Context(), "again"); err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "again") // and not the one that was given up
		wantNone(t, got)
	})
}

func TestASendIsDeliveredWhenThePeerComesBackInTime(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		sent := make(chan error)
		go func() { sent <- alice.Peer("bob").Send(within(t, time.Minute), "hello") }()
		time.Sleep(10 * time.Second)
		bob := net.node("bob")
		got := collect(t, bob, bob.Inbox())
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "hello")
	})
}

func TestPostsAreHeldForAPeerThatIsDownAndArriveInOrder(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		var receipts []*postrider.Receipt
		for i := range 100 {
			receipts = append(receipts, post(t, alice.Peer("bob"), fmt.Sprint(i)))
		}
		time.Sleep(time.Minute)
		if g := receipts[0].Grade(); g != postrider.Pending {
			t.Errorf("grade %v while bob is down", g)
		}
		bob := net.node("bob")
		got := collect(t, bob, bob.Inbox())
		for i, rc := range receipts {
			wantGrade(t, rc, postrider.Received)
			if m := wantBody(t, got, fmt.Sprint(i)); m.ID != rc.ID() {
				t.Errorf("id %q, receipt %q", m.ID, rc.ID())
			}
		}
	})
}

func TestAPeerThatDiesAndReturnsGetsWhatWasNotConfirmed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		got := collect(t, bob, bob.Inbox())
		wantGrade(t, post(t, alice.Peer("bob"), "before"), postrider.Received)
		wantBody(t, got, "before")
		bob.Close()
		rc := post(t, alice.Peer("bob"), "while away")
		time.Sleep(time.Minute)
		bob = net.node("bob")
		got = collect(t, bob, bob.Inbox())
		wantGrade(t, rc, postrider.Received)
		wantBody(t, got, "while away")
	})
}

func TestConnectionsThatBreakAllTheTimeLoseNothingAndKeepTheOrder(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		l := net.listen("bob:1")
		bob := net.node("bob", func(cfg *postrider.Config) { cfg.Listener = l })
		got := collect(t, bob, bob.Inbox())
		cutting, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for cutting.Err() == nil {
				time.Sleep(50 * time.Millisecond)
				l.cut()
			}
		}()
		const all = 2000
		var last *postrider.Receipt
		for i := range all {
			last = post(t, alice.Peer("bob"), fmt.Sprint(i))
			if i%10 == 0 {
				time.Sleep(7 * time.Millisecond)
			}
		}
		stop()
		<-done
		wantGrade(t, last, postrider.Received)
		synctest.Wait()
		// Repeats are allowed, as a run that goes back; gaps and exchanges are not.
		next := 0
		for next < all {
			m := <-got
			var i int
			fmt.Sscan(string(m.Body), &i)
			if i > next {
				t.Fatalf("%d came before %d", i, next)
			}
			next = max(next, i+1)
		}
	})
}

// Who closes a node while something waits in its memory learns of it, and of nothing else.
func TestTheLogTellsWhatACloseDrops(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var log bytes.Buffer
		told := func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
		const dropped = "that is dropped"
		alice := net.node("alice", told)
		for range 2 {
			if _, err := alice.Peer("bob").Post(t.Context(), "x"); err != nil {
				t.Fatal(err)
			}
		}
		go alice.Peer("bob").Send(t.Context(), "its sender learns it")
		synctest.Wait()
		alice.Close()
		alice.Close()
		if said := log.String(); strings.Count(said, dropped) != 1 || !strings.Contains(said, "messages=2 to=amqp://bob:1") {
			t.Errorf("the log says %s", said)
		}
		log.Reset()
		net.node("bob")
		carol := net.node("carol", told, inDir(t.TempDir()))
		if _, err := carol.Peer("alice").Post(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		done := net.node("alice", told)
		if err := done.Peer("bob").Send(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		carol.Close()
		done.Close()
		if said := log.String(); strings.Contains(said, dropped) {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestTheOutboxIsBounded(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.OutboxMessages = 2 })
		bob := alice.Peer("bob")
		post(t, bob, "a")
		post(t, bob, "b")
		_, err := bob.Post(t.Context(), "c")
		fate(t, err, false, postrider.ErrFull)
		fate(t, bob.Send(within(t, time.Second), "d"), false, postrider.ErrFull, postrider.ErrPeerDown, context.DeadlineExceeded)
		node := net.node("bob")
		got := collect(t, node, node.Inbox())
		if err := bob.Send(t.Context(), "e"); err != nil {
			t.Fatal(err)
		}
		for _, b := range []string{"a", "b", "e"} {
			wantBody(t, got, b)
		}
	})
}

func TestAPeerNobodyKnows(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		fate(t, alice.Peer("mallory").Send(t.Context(), "x"), false, postrider.ErrNoSuchTarget)
		_, err := alice.Peer("mallory").Post(t.Context(), "x")
		fate(t, err, false, postrider.ErrNoSuchTarget)
		_, err = postrider.Call[string](t.Context(), alice.Peer("amqp://bob:1"), "x")
		fate(t, err, false, postrider.ErrNoSuchTarget)
	})
}

func TestANodeOfAnotherNameAnswersAtThatAddress(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.Peers["dave"] = "bob:1" })
		net.node("bob")
		err := alice.Peer("dave").Send(within(t, time.Minute), "x")
		if e := fate(t, err, false); !errors.Is(err, postrider.ErrNoSuchTarget) {
			var remote *postrider.RemoteError
			if !errors.As(err, &remote) || remote.Code != 403 { // a peer may only publish into the inbox
				t.Errorf("%v", e)
			}
		}
	})
}

func TestAPeerByURL(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		got := collect(t, bob, bob.Inbox())
		if err := alice.Peer("amqp://bob:1/bob").Send(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "x")
	})
}

func TestANodeSendsToItself(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		got := collect(t, alice, alice.Inbox())
		wantGrade(t, post(t, alice.Peer("alice"), "x"), postrider.Received)
		if m := wantBody(t, got, "x"); m.From != "alice" || m.To != "alice" {
			t.Errorf("%+v", m)
		}
	})
}

func TestCallsToAPeer(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		var asked atomic.Int32
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			asked.Add(1)
			var question string
			if err := m.Decode(&question); err != nil {
				return err
			}
			switch question {
			case "echo":
				return m.Reply(ctx, question)
			case "nothing":
				return nil
			case "refused":
				return &postrider.RemoteError{Code: 409, Reason: "taken"}
			case "panic":
				panic("oh")
			case "exit":
				runtime.Goexit()
			case "slow":
				time.Sleep(time.Minute)
			}
			return errors.New("what?")
		})
		call := func(d time.Duration, q string) (string, error) {
			return postrider.Call[string](within(t, d), alice.Peer("bob"), q)
		}
		if s, err := call(time.Second, "echo"); s != "echo" || err != nil {
			t.Error(s, err)
		}
		if s, err := call(time.Second, "nothing"); s != "" || err != nil {
			t.Error(s, err)
		}
		for q, want := range map[string]postrider.RemoteError{
			"refused": {Code: 409, Reason: "taken"},
			"panic":   {Code: 500, Reason: "handler panicked: oh"},
			"exit":    {Code: 500, Reason: "the handler ended its goroutine, as runtime.Goexit does, and FailNow of package testing"},
			"hm":      {Code: 500, Reason: "what?"},
		} {
			_, err := call(time.Second, q)
			var remote *postrider.RemoteError
			if !errors.As(err, &remote) || *remote != want {
				t.Errorf("%s: %v", q, err)
			}
		}
		_, err := call(time.Second, "slow")
		fate(t, err, true, context.DeadlineExceeded)
		if n := asked.Load(); n != 7 {
			t.Errorf("the handler was called %d times for 7 calls", n)
		}
		synctest.Wait()
		time.Sleep(2 * time.Minute)
	})
}

func TestACallWhosePeerDiesFailsAtOnce(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		asked := make(chan struct{})
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			close(asked)
			<-ctx.Done()
			return ctx.Err()
		})
		done := make(chan error)
		go func() {
			_, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "question")
			done <- err
		}()
		<-asked
		began := time.Now()
		bob.Close()
		var remote *postrider.RemoteError
		err := <-done
		if took := time.Since(began); took > time.Second {
			t.Errorf("it failed after %v", took)
		}
		if !errors.As(err, &remote) { // the answer of a handler that was interrupted in time,
			fate(t, err, true, postrider.ErrPeerDown) // or none
		}
	})
}

// A context that has ended by then sends nothing, wherever the inbox lives.
func TestNothingIsSentWithAContextThatHasEnded(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob, carol := net.node("alice"), net.node("bob"), net.node("carol", net.Broker("mq").Use)
		ended, end := context.WithCancel(t.Context())
		end()
		for _, c := range []struct {
			to, at *postrider.Target
			owner  *postrider.Node
		}{
			{alice.Inbox(), alice.Inbox(), alice},
			{alice.Mailbox("jobs"), alice.Mailbox("jobs"), alice},
			{alice.Topic("news"), alice.Topic("news"), alice},
			{alice.Peer("bob"), bob.Inbox(), bob},
			{carol.Mailbox("jobs"), carol.Mailbox("jobs"), carol},
		} {
			c.owner.Handle(t.Context(), c.at, func(context.Context, *postrider.Message) error {
				t.Errorf("to %s: it was sent", c.to)
				return nil
			})
			fate(t, c.to.Send(ended, "x"), false, context.Canceled)
			fate(t, c.to.Send(ended, "x", postrider.Until(postrider.Handled)), false, context.Canceled)
			_, err := c.to.Post(ended, "x")
			fate(t, err, false, context.Canceled)
			_, err = postrider.Call[string](ended, c.to, "x")
			fate(t, err, false, context.Canceled)
		}
		synctest.Wait()
	})
}

func TestACallWithoutAHandlerEndsWithItsContext(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		net.node("bob")
		_, err := postrider.Call[string](within(t, time.Second), alice.Peer("bob"), "question")
		fate(t, err, true, context.DeadlineExceeded)
	})
}

func TestTwoNodesThatAskEachOther(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		alice.Handle(t.Context(), alice.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			return m.Reply(ctx, "alice says "+string(m.Body))
		}, postrider.Workers(2))
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			s, err := postrider.Call[string](ctx, bob.Peer("alice"), m.Body)
			if err != nil {
				return err
			}
			return m.Reply(ctx, "bob heard: "+s)
		})
		s, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "hi")
		if s != "bob heard: alice says hi" || err != nil {
			t.Error(s, err)
		}
	})
}

type badBody struct{ F func() }

func TestABodyThatCannotBeEncoded(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		var failed *postrider.SendError
		if err := alice.Peer("bob").Send(t.Context(), badBody{}); err == nil || errors.As(err, &failed) {
			t.Error(err)
		}
	})
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.OutboxBytes = 1000 })
		fate(t, alice.Peer("bob").Send(t.Context(), make([]byte, 2000)), false, postrider.ErrTooLarge)
		_, err := alice.Peer("bob").Post(t.Context(), "x", postrider.ID(strings.Repeat("x", 300)))
		fate(t, err, false)
		fate(t, alice.Peer("amqp://bob:1/"+strings.Repeat("x", 300)).Send(t.Context(), "x"), false, postrider.ErrNoSuchTarget)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		fate(t, alice.Peer("bob").Send(ctx, "x"), false, context.Canceled)
		_, err = alice.Peer("bob").Post(ctx, "x")
		fate(t, err, false, context.Canceled)
	})
}

// Who reads in the log that a connection is lost, or cannot be made, reads there that it is back.
func TestTheLogSaysThatAConnectionIsBack(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var log bytes.Buffer
		alice := net.node("alice", func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		says := func(want ...string) {
			t.Helper()
			synctest.Wait()
			said := regexp.MustCompile(`level=\w+ msg=("[^"]*"|\w+)`).FindAllString(log.String(), -1)
			if !slices.Equal(said, want) {
				t.Errorf("the log says %q, want %q", said, want)
			}
			log.Reset()
		}
		send := func() {
			t.Helper()
			if err := alice.Peer("bob").Send(within(t, time.Minute), "x"); err != nil {
				t.Fatal(err)
			}
		}
		bob := net.node("bob")
		send()
		says()
		net.Cut("bob")
		time.Sleep(time.Minute)
		says(`level=WARN msg="connection lost"`, `level=INFO msg=connected`)
		net.Isolate("bob")
		says(`level=WARN msg="connection lost"`)
		time.Sleep(time.Minute)
		net.Rejoin("bob")
		send()
		says(`level=INFO msg=connected`)
		bob.Close()
		alice = net.node("alice", func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		synctest.Wait()
		log.Reset()
		alice.Peer("bob").Post(t.Context(), "x")
		says(`level=WARN msg="cannot connect"`)
		net.node("bob")
		send()
		says(`level=INFO msg=connected`)
	})
}

// A node that refuses what is for another name says so in its log, and takes its sender's leaving for what it is.
func TestARefusedMessageIsNoLostConnection(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var log bytes.Buffer
		alice := net.node("alice")
		net.node("bob", func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		var refused *postrider.RemoteError
		err := alice.Peer("amqp://bob:1/charlie").Send(within(t, time.Minute), "x")
		if fate(t, err, false); !errors.As(err, &refused) || refused.Code != 403 {
			t.Error(err)
		}
		synctest.Wait()
		if said := log.String(); !strings.Contains(said, "may only publish to queue 'bob'") || strings.Contains(said, "went away") || strings.Contains(said, "lost") {
			t.Errorf("the log says %s", said)
		}
	})
}

package postrider_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

// never answers before its context ends, and tells that it did.
func never(t *testing.T, n *postrider.Node, at *postrider.Target) (ended <-chan error) {
	t.Helper()
	told := make(chan error, 1)
	err := n.Handle(t.Context(), at, func(ctx context.Context, _ *postrider.Message) error {
		<-ctx.Done()
		told <- ctx.Err()
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// What an answer is taken as is the caller's choice: its bytes, a text, what its JSON says.
func TestAnAnswerIsTakenAsItsCallerWants(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		err := bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			return m.Reply(ctx, map[string]int{"a": 1})
		})
		if err != nil {
			t.Fatal(err)
		}
		bytes, err := postrider.Call[[]byte](t.Context(), to, "x")
		if string(bytes) != `{"a":1}` || err != nil {
			t.Errorf("bytes: %q, %v", bytes, err)
		}
		table, err := postrider.Call[map[string]int](t.Context(), to, "x")
		if table["a"] != 1 || err != nil {
			t.Errorf("a table: %v, %v", table, err)
		}
		whatever, err := postrider.Call[any](t.Context(), to, "x")
		if m, ok := whatever.(map[string]any); !ok || m["a"] != 1.0 || err != nil {
			t.Errorf("whatever it is: %T %v, %v", whatever, whatever, err)
		}
	})
}

// A call has a deadline though its context has none. Its handler has it, too, and who waited learns what to do.
func TestACallWithoutADeadlineEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		ended := never(t, bob, at)
		began := time.Now()
		_, err := postrider.Call[string](t.Context(), to, "x")
		if took := time.Since(began).Round(time.Second); took != 30*time.Second {
			t.Errorf("the call took %v, want 30 s", took)
		}
		fate(t, err, true, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "30s, which is Config.CallTimeout") {
			t.Errorf("%q says nothing of what to do", err)
		}
		if err := <-ended; err == nil {
			t.Error("the handler was not told")
		}
	})
}

func TestTheTimeOfCallsIsASetting(t *testing.T) {
	for name, it := range map[string]struct {
		setting, deadline time.Duration // of the context; 0: none
		want              time.Duration // 0: for ever
		ours              bool
	}{
		"another":           {setting: time.Minute, want: time.Minute, ours: true},
		"none":              {setting: -1},
		"a longer deadline": {deadline: 5 * time.Minute, want: 5 * time.Minute},
		"a shorter one":     {deadline: time.Second, want: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				alice := net.node("alice", func(c *postrider.Config) { c.CallTimeout = it.setting })
				bob := net.node("bob")
				never(t, bob, bob.Inbox())
				ctx, cancel := context.WithCancel(t.Context())
				if it.deadline > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), it.deadline)
				}
				defer cancel()
				over := make(chan error)
				began := time.Now()
				go func() {
					_, err := postrider.Call[string](ctx, alice.Peer("bob"), "x")
					over <- err
				}()
				if it.want == 0 {
					time.Sleep(10 * time.Minute)
					synctest.Wait()
					cancel()
					if err := <-over; !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				err := <-over
				if took := time.Since(began).Round(time.Second); took != it.want || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("it took %v, want %v: %v", took, it.want, err)
				}
				if strings.Contains(err.Error(), "CallTimeout") != it.ours {
					t.Errorf("%q", err)
				}
			})
		})
	}
}

// One that was answered leaves nothing behind that ends the next.
func TestEachCallHasItsOwnTime(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			time.Sleep(20 * time.Second)
			return m.Reply(ctx, m.Body)
		})
		for range 5 {
			if got, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "x"); got != "x" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
	})
}

// Its caller learns of an answer that the broker does not take, sealed or not.
func TestAnAnswerThatIsTooLargeForTheBroker(t *testing.T) {
	for _, how := range []string{"plain", "sealed"} {
		t.Run(how, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				mq := net.BrokerWith("mq", broker.Config{MaxMessage: 1 << 20})
				var keysFor func(name string) func(*postrider.Config)
				if how == "sealed" {
					keys := postridertest.NewKeys(t, "mailbox:jobs")
					keysFor = func(name string) func(*postrider.Config) { return keys.For(name, "mailbox:jobs") }
				} else {
					keysFor = func(string) func(*postrider.Config) { return func(*postrider.Config) {} }
				}
				alice, bob := net.node("alice", mq.Use, keysFor("alice")), net.node("bob", mq.Use, keysFor("bob"))
				bob.Handle(t.Context(), bob.Mailbox("jobs"), func(ctx context.Context, m *postrider.Message) error {
					return m.Reply(ctx, make([]byte, 1<<20+1))
				})
				began := time.Now()
				_, err := postrider.Call[[]byte](t.Context(), alice.Mailbox("jobs"), "x")
				wantRemote(t, err, 406, "bytes was refused: message size")
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// So he does of one that his peer's outbox does not take.
func TestAnAnswerThatIsTooLargeForTheOutbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq := net.Broker("mq")
		alice := net.node("alice", mq.Use)
		bob := net.node("bob", mq.Use, func(cfg *postrider.Config) { cfg.OutboxBytes = 10_000 })
		told := make(chan error, 1)
		bob.Handle(t.Context(), bob.Mailbox("jobs"), func(ctx context.Context, m *postrider.Message) error {
			told <- m.Reply(ctx, make([]byte, 10_001))
			return nil
		})
		_, err := postrider.Call[[]byte](t.Context(), alice.Mailbox("jobs"), "x")
		wantRemote(t, err, 406, "the answer of 10001 bytes was refused: message does not fit into the outbox")
		if err := <-told; !errors.Is(err, postrider.ErrTooLarge) {
			t.Error(err)
		}
	})
}

// A call ends with its answer: what its handler returns afterwards is nobody's but the log's.
func TestAHandlerFailsAfterItHasAnswered(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var log bytes.Buffer
		alice := net.node("alice")
		bob := net.node("bob", func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			return errors.Join(m.Reply(ctx, "fine"), errors.New("but not booked"))
		})
		if got, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "x"); got != "fine" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		synctest.Wait()
		if said := log.String(); !strings.Contains(said, "after it had answered") || !strings.Contains(said, "but not booked") {
			t.Errorf("the log says %s", said)
		}
	})
}

// Answers to what came together go out together, but not when a handler that has answered is busy with something else.
func TestAnAnswerWaitsForNoHandler(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		answered := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "x")
				answered <- err
			}()
		}
		synctest.Wait() // both questions are there
		began := time.Now()
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			defer time.Sleep(10 * time.Second)
			return m.Reply(ctx, "y")
		})
		for i := range 2 {
			err := <-answered
			if took := time.Since(began) - time.Duration(i)*10*time.Second; err != nil || took > time.Millisecond {
				t.Errorf("answer %d: %v, after %v", i, err, took)
			}
		}
		time.Sleep(10 * time.Second) // of the last handler
	})
}

func TestACallThatFindsNoRoomEnds(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", func(c *postrider.Config) { c.OutboxMessages = 1 })
		net.node("bob").Close()
		if _, err := alice.Peer("bob").Post(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "x")
		if took := time.Since(began).Round(time.Second); took != 30*time.Second {
			t.Errorf("the call took %v, want 30 s", took)
		}
		fate(t, err, false, context.DeadlineExceeded, postrider.ErrFull, postrider.ErrPeerDown)
		if !strings.Contains(err.Error(), "Config.CallTimeout") {
			t.Errorf("%q says nothing of what to do", err)
		}
	})
}

func TestAGatherWithoutADeadlineEnds(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		seller(t, bob, time.Second, 20)
		began := time.Now()
		answers, failed := 0, 0
		for _, err := range postrider.Gather[quote](t.Context(), []*postrider.Target{alice.Peer("bob"), alice.Peer("carol")}, ask{1}) {
			if errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "Config.CallTimeout") {
				failed++
			} else if err == nil {
				answers++
			}
		}
		if took := time.Since(began).Round(time.Second); answers != 1 || failed != 1 || took != 30*time.Second {
			t.Errorf("%d answers and %d failures after %v, want one each and half a minute", answers, failed, took)
		}
	})
}

// A broker that goes takes the answers to calls with it, whatever it says when it goes: their handlers are at work.
func TestACallWhoseBrokerGoesMayHaveBeenHandled(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		asked := make(chan struct{})
		err := bob.Handle(t.Context(), bob.Mailbox("jobs"), func(ctx context.Context, m *postrider.Message) error {
			close(asked)
			<-ctx.Done()
			return ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := postrider.Call[string](t.Context(), alice.Mailbox("jobs"), "question")
			done <- err
		}()
		<-asked
		mq.Shutdown(within(t, time.Second))
		if e := fate(t, <-done, true, postrider.ErrPeerDown); e.Stage != postrider.OnWire {
			t.Error(e)
		}
	})
}

// To RabbitMQ and us an expiration of 0 says "at once or never": what has come, came at once.
func TestWhatIsToComeAtOnceIsHandled(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		worker := net.node("worker", onBroker)
		got := collect(t, worker, worker.Mailbox("jobs"))
		publishAs(t, net, amqp.Properties{Expiration: "0"}, "jobs", "a")
		wantBody(t, got, "a")
	})
}

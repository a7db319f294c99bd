package postrider_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
)

// What one peer will never take keeps nobody from having what is for others delivered.
func TestShutdownDeliversWhatOthersTake(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.Broker("carol")
		const refusing = 4 // one after the other, in any order: bob's turn is seldom the first
		alice := net.node("alice", func(cfg *postrider.Config) {
			for i := range refusing {
				cfg.Peers[fmt.Sprint("carol", i)] = fmt.Sprintf("amqp://carol:1/not-there-%d", i)
			}
		})
		for i := range refusing {
			post(t, alice.Peer(fmt.Sprint("carol", i)), "never")
		}
		rc := post(t, alice.Peer("bob"), "later")
		time.AfterFunc(time.Second, func() { net.node("bob") })
		var refused *amqp.Error
		if err := alice.Shutdown(within(t, time.Minute)); !errors.As(err, &refused) || strings.Count(err.Error(), "1 message was not delivered") != refusing {
			t.Error(err)
		}
		wantGrade(t, rc, postrider.Received)
		time.Sleep(time.Second) // until bob is there in any case
	})
}

// A Shutdown that is overtaken has not done what it is for, and says so; another Shutdown is as good as itself.
func TestAShutdownThatIsOvertaken(t *testing.T) {
	for name, want := range map[string]error{"close": postrider.ErrClosed, "shutdown": nil} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				alice := net.node("alice")
				rc := post(t, alice.Peer("bob"), "later")
				first := make(chan error, 1)
				go func() { first <- alice.Shutdown(within(t, time.Hour)) }()
				time.Sleep(time.Minute)
				if want != nil {
					alice.Close()
				} else {
					net.node("bob")
					if err := alice.Shutdown(within(t, time.Hour)); err != nil {
						t.Error(err)
					}
				}
				if err := <-first; !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if _, err := rc.Wait(t.Context()); !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			})
		})
	}
}

// Close does not wait for a handler that heeds nothing, nor does a Shutdown that it overtakes, or that comes after it: their contexts may have no deadline.
func TestAShutdownDoesNotOutlastClose(t *testing.T) {
	for _, before := range []time.Duration{0, time.Minute} {
		inMemory(t, func(t *testing.T, net *network) {
			alice := net.node("alice")
			err := alice.Handle(t.Context(), alice.Mailbox("jobs"), func(context.Context, *postrider.Message) error {
				time.Sleep(time.Hour)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			post(t, alice.Mailbox("jobs"), "x")
			synctest.Wait()
			began := time.Now()
			errs := make(chan error, 3)
			for range cap(errs) - 1 {
				go func() { errs <- alice.Shutdown(context.Background()) }()
			}
			time.Sleep(before)
			if err := alice.Close(); err != nil {
				t.Error(err)
			}
			errs <- alice.Shutdown(context.Background())
			for range cap(errs) {
				if err := <-errs; !errors.Is(err, postrider.ErrClosed) {
					t.Error(err)
				}
			}
			if took := time.Since(began); took > before+time.Second {
				t.Errorf("it took %v", took)
			}
			time.Sleep(time.Hour) // until the handler has returned
		})
	}
}

// Whatever a node does when it is closed ends with it: the bubble fails a test that leaves a goroutine. And what waits, with a
// deadline or without one, is over a second later.
func TestCloseLeavesNothingBehind(t *testing.T) {
	for _, orderly := range []bool{false, true} {
		t.Run(fmt.Sprint("orderly ", orderly), func(t *testing.T) {
			dir := t.TempDir()
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				alice := net.node("alice", onBroker, inDir(dir))
				bob := net.node("bob", onBroker)
				for _, at := range []*postrider.Target{bob.Inbox(), bob.Mailbox("jobs"), bob.Mailbox("parts", postrider.Partitions(2)), bob.Topic("news")} {
					err := bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
						if m.WantsReply() {
							<-ctx.Done()
						}
						return errors.New("not now")
					}, postrider.Workers(3))
					if err != nil {
						t.Fatal(err)
					}
				}
				bob.Control("note", func(context.Context, *postrider.Message) error { return nil })
				over := make(chan string, 100)
				waiting := 0
				wait := func(what string, do func(ctx context.Context) error) {
					waiting++
					go func() {
						if err := do(context.Background()); err == nil {
							what += ", which succeeded"
						}
						over <- what
					}()
				}
				for _, to := range []*postrider.Target{alice.Peer("bob"), alice.Peer("carol"), alice.Mailbox("jobs"), alice.Mailbox("parts", postrider.Partitions(2))} {
					wait("call", func(ctx context.Context) error { _, err := postrider.Call[string](ctx, to, "x"); return err })
					wait("until handled", func(ctx context.Context) error { return to.Send(ctx, "x", untilHandled) })
					post(t, to, "x")
				}
				wait("send", func(ctx context.Context) error { return alice.Peer("carol").Send(ctx, "x") })
				wait("ping", func(ctx context.Context) error { _, err := alice.Peer("carol").Ping(ctx); return err })
				wait("loop", func(ctx context.Context) error {
					for _, err := range alice.Messages(ctx) {
						return err
					}
					return nil
				})
				alice.Peer("bob").Send(t.Context(), "x", postrider.Control("note"))
				time.Sleep(10 * time.Second)
				began := time.Now()
				if orderly {
					ctx := within(t, time.Second)
					alice.Shutdown(ctx)
					bob.Shutdown(ctx)
				} else {
					alice.Close()
					bob.Close()
				}
				for range waiting {
					if what := <-over; strings.HasSuffix(what, "succeeded") {
						t.Error(what)
					}
				}
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestEverySendErrorSaysWhatToDo(t *testing.T) {
	for cause, want := range map[error]string{
		postrider.ErrFull:     "Config.OutboxMessages",
		postrider.ErrTooLarge: "Config.OutboxBytes",
		postrider.ErrBlocked:  "make room",
		postrider.ErrRefused:  "raise the limit; a quorum queue of RabbitMQ refuses also while it has no leader",
		postrider.ErrClosed:   "a node that runs",
		postrider.ErrPeerDown: "see that it runs",
		postrider.ErrExpired:  "later deadline",
	} {
		err := &postrider.SendError{ID: "1", Target: "peer bob", MaybeDelivered: true, Err: fmt.Errorf("%w: because", cause)}
		for _, part := range []string{"message 1", "peer bob", "because", want, "may have been delivered", "under this ID"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
}

func TestWhoReceivesFromTooManyIsToldWhatToDo(t *testing.T) {
	full := amqp.Errorf(amqp.NotAllowed, "number of channels opened (2047) has reached the negotiated channel_max (2047)")
	if err := (&postrider.SendError{Err: full}); !strings.Contains(err.Error(), "with several nodes") {
		t.Error(err)
	}
}

func TestWhoWaitsForAPeerLearnsAtOnceThatItWasKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestListeningProcess$")
	cmd.Env = append(os.Environ(), "POSTRIDER_TEST_LISTEN=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the process does not say where it listens")
	}
	alice := start(t, postrider.Config{Name: "alice", Peers: map[string]string{"bob": lines.Text()}})
	if _, err := alice.Peer("bob").Ping(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := alice.Peer("bob").Send(soon(t), "x"); err != nil {
		t.Fatal(err)
	}
	down := waitingFor(t, alice)
	cmd.Process.Kill()
	cmd.Wait()
	select {
	case <-down:
	case <-soon(t).Done():
		t.Error("nobody noticed")
	}
}

// TestListeningProcess is the process that is killed.
func TestListeningProcess(t *testing.T) {
	if os.Getenv("POSTRIDER_TEST_LISTEN") == "" {
		t.Skip("runs in a process of its own")
	}
	bob := start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0"})
	fmt.Println(bob.Addr())
	<-t.Context().Done()
}

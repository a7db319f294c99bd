package postrider_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// everywhere tells a story once for each kind of target: bob receives at one end what alice sends into the other.
func everywhere(t *testing.T, story func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node)) {
	t.Run("a peer", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			alice, bob := net.node("alice"), net.node("bob")
			story(t, net, alice.Peer("bob"), bob.Inbox(), bob)
		})
	})
	t.Run("a mailbox on a broker", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			net.broker()
			alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
			story(t, net, alice.Mailbox("jobs"), bob.Mailbox("jobs"), bob)
		})
	})
	t.Run("a mailbox in the process", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			bob := net.node("bob")
			story(t, net, bob.Mailbox("jobs"), bob.Mailbox("jobs"), bob)
		})
	})
}

var untilHandled = postrider.Until(postrider.Handled)

func TestASendUntilHandledReturnsWhenTheHandlerHas(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		var handled atomic.Bool
		bob.Handle(t.Context(), at, func(_ context.Context, m *postrider.Message) error {
			if err := m.Reply(t.Context(), "x"); m.WantsReply() || err != nil {
				t.Error("a receipt is no reply:", err)
			}
			time.Sleep(time.Second)
			handled.Store(true)
			return nil
		})
		if err := to.Send(within(t, time.Minute), "x", untilHandled); err != nil || !handled.Load() {
			t.Fatal(err, handled.Load())
		}
	})
}

// Nobody tells its sender that a message has expired where it waited.
func TestAReceiptOfWhatExpiredWhereItWaitedEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, _ *network, to, at *postrider.Target, _ *postrider.Node) {
		began := time.Now()
		rc, err := to.Post(t.Context(), "x", untilHandled, postrider.Expires(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		_, err = rc.Wait(within(t, time.Hour))
		fate(t, err, true, postrider.ErrExpired)
		if took := time.Since(began); took < time.Minute || took > 31*time.Minute {
			t.Error("it ended after", took)
		}
	})
}

// It is the same where a message goes into one of several queues, and to whoever has subscribed: the first of them counts.
func TestASendUntilHandledThroughAnExchange(t *testing.T) {
	targets := map[string]func(*postrider.Node) *postrider.Target{
		"partitions":             func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(3)) },
		"a topic":                func(n *postrider.Node) *postrider.Target { return n.Topic("prices") },
		"a durable subscription": func(n *postrider.Node) *postrider.Target { return n.Topic("prices", postrider.Durable("book")) },
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				alice, bob, carol := net.node("alice", onBroker), net.node("bob", onBroker), net.node("carol", onBroker)
				var handled atomic.Int32
				for i, n := range []*postrider.Node{bob, carol} {
					err := n.Handle(t.Context(), target(n), func(_ context.Context, m *postrider.Message) error {
						time.Sleep(time.Duration(i+1) * time.Second)
						if string(m.Body) == "bad" {
							return postrider.Reject(errors.New("unreadable"))
						}
						handled.Add(1)
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				for _, key := range []string{"a", "b", "c", "d"} {
					before := handled.Load()
					if err := target(alice).Send(within(t, time.Minute), "x", postrider.Key(key), untilHandled); err != nil || handled.Load() == before {
						t.Fatal(err, handled.Load(), "were handled, and before", before)
					}
				}
				var remote *postrider.RemoteError
				if err := target(alice).Send(within(t, time.Minute), "bad", postrider.Key("a"), untilHandled); !errors.As(err, &remote) || remote.Reason != "unreadable" {
					t.Error(err)
				}
			})
		})
	}
}

func TestAReceiptTellsEachGradeInItsTurn(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		goOn := make(chan bool)
		bob.Handle(t.Context(), at, func(context.Context, *postrider.Message) error {
			<-goOn
			return nil
		})
		rc, err := to.Post(t.Context(), "x", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, rc, postrider.Stored)
		if g := rc.Grade(); g != postrider.Stored && g != postrider.Received {
			t.Errorf("grade %v", g)
		}
		if _, err := rc.Wait(within(t, time.Second)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("waited, and", err)
		}
		close(goOn)
		waitFor(t, rc, postrider.Handled)
		wantGrade(t, rc, postrider.Handled)
		<-rc.Done()
	})
}

func TestWhoAcknowledgesInALoopHasHandled(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		rc, err := alice.Peer("bob").Post(t.Context(), "x", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range bob.Messages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if g := rc.Grade(); g != postrider.Received {
				t.Errorf("grade %v before the Ack", g)
			}
			m.Ack()
			break
		}
		wantGrade(t, rc, postrider.Handled)
	})
}

func TestAHandlersFailuresAreToldWhenItGivesUp(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		tries := 0
		bob.Handle(t.Context(), at, func(context.Context, *postrider.Message) error {
			tries++
			return &postrider.RemoteError{Code: 409, Reason: "taken"}
		}, postrider.MaxTries(3))
		err := to.Send(within(t, time.Minute), "x", untilHandled)
		failed := fate(t, err, false)
		var remote *postrider.RemoteError
		if !errors.As(err, &remote) || *remote != (postrider.RemoteError{Code: 409, Reason: "taken"}) || tries != 3 || failed.Stage != postrider.AtTarget {
			t.Errorf("%v after %d tries", err, tries)
		}
	})
}

func TestASecondTryIsHandledToo(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		tries := 0
		bob.Handle(t.Context(), at, func(context.Context, *postrider.Message) error {
			if tries++; tries == 1 {
				return errors.New("not now")
			}
			return nil
		})
		if err := to.Send(within(t, time.Minute), "x", untilHandled); err != nil || tries != 2 {
			t.Error(err, tries)
		}
	})
}

// The connections break while the handler works, and it works once.
func TestAReceiptComesOverAnotherConnection(t *testing.T) {
	story := func(t *testing.T, l *listener, to, at *postrider.Target, bob *postrider.Node) {
		began, goOn := make(chan bool, 10), make(chan bool)
		var calls atomic.Int32
		bob.Handle(t.Context(), at, func(context.Context, *postrider.Message) error {
			calls.Add(1)
			began <- true
			<-goOn
			return nil
		}, postrider.Workers(4))
		rc, err := to.Post(t.Context(), "x", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		<-began
		for range 3 {
			l.cut()
			time.Sleep(10 * time.Second)
		}
		close(goOn)
		wantGrade(t, rc, postrider.Handled)
		if n := calls.Load(); n != 1 {
			t.Errorf("handled %d times", n)
		}
	}
	t.Run("of a peer", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			l := net.listen("bob:1")
			alice, bob := net.node("alice"), net.node("bob", func(cfg *postrider.Config) { cfg.Listener = l })
			story(t, l, alice.Peer("bob"), bob.Inbox(), bob)
		})
	})
	t.Run("of a broker", func(t *testing.T) {
		inMemory(t, func(t *testing.T, net *network) {
			_, l := net.broker()
			alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
			story(t, l, alice.Mailbox("jobs"), bob.Mailbox("jobs"), bob)
		})
	})
}

// The receipt is lost with the connection; the sender asks again, and is told without a second handling.
func TestAReceiptThatWasLostIsSentAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		l := net.listen("bob:1")
		alice, bob := net.node("alice"), net.node("bob", func(cfg *postrider.Config) { cfg.Listener = l })
		var calls atomic.Int32
		bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
			calls.Add(1)
			l.cut()
			return nil
		})
		rc, err := alice.Peer("bob").Post(t.Context(), "x", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		wantGrade(t, rc, postrider.Handled)
		if n := calls.Load(); n != 1 {
			t.Errorf("handled %d times", n)
		}
	})
}

// A receipt is for the message that it tells of, whoever else was sent one of its id.
func TestAReceiptIsForItsOwnMessage(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		order := []postrider.SendOption{postrider.ID("order 7"), untilHandled}
		for name, takes := range map[string]time.Duration{"slow": 10 * time.Second, "slower": time.Minute} {
			err := bob.Handle(t.Context(), bob.Mailbox(name), func(ctx context.Context, _ *postrider.Message) error {
				select {
				case <-time.After(takes):
				case <-ctx.Done():
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		fate(t, alice.Mailbox("slow").Send(within(t, time.Second), "x", order...), true, context.DeadlineExceeded)
		began := time.Now()
		both := []*postrider.Receipt{post(t, alice.Mailbox("slower"), "x", order...), post(t, alice.Mailbox("slow"), "x", order...)}
		wantGrade(t, both[0], postrider.Handled)
		if took := time.Since(began); took < time.Minute {
			t.Errorf("it was told after %v", took)
		}
		wantGrade(t, both[1], postrider.Handled)
	})
}

// What is asked again expires when it would have, and nobody waits for its receipt any longer than that.
func TestWhatIsAskedAgainExpiresAllTheSame(t *testing.T) {
	for back, handled := range map[time.Duration]bool{time.Second: true, 7 * time.Second: false} {
		t.Run(back.String(), func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				alice, bob := net.node("alice"), net.node("bob")
				rc := post(t, alice.Peer("bob"), "x", untilHandled, postrider.Expires(10*time.Second))
				synctest.Wait()
				if g := rc.Grade(); g != postrider.Received {
					t.Fatal(g)
				}
				time.Sleep(5 * time.Second)
				bob.Close()
				time.Sleep(back)
				bob = net.node("bob")
				got := collect(t, bob, bob.Inbox())
				if handled {
					wantGrade(t, rc, postrider.Handled)
					return
				}
				_, err := rc.Wait(within(t, time.Second))
				fate(t, err, true, postrider.ErrExpired)
				time.Sleep(time.Minute)
				wantNone(t, got)
			})
		})
	}
}

func TestASendThatNobodyHandlesInTime(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		err := to.Send(within(t, time.Second), "x", untilHandled)
		fate(t, err, true, context.DeadlineExceeded)
		time.Sleep(time.Second)
		wantNone(t, collect(t, bob, at)) // nobody wants it any more
	})
}

func TestASendUntilHandledToAPeerThatIsDown(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		err := alice.Peer("bob").Send(within(t, time.Second), "x", untilHandled)
		fate(t, err, false, context.DeadlineExceeded, postrider.ErrPeerDown, postrider.ErrExpired)
		done := make(chan error)
		go func() { done <- alice.Peer("bob").Send(t.Context(), "x", untilHandled) }()
		synctest.Wait()
		alice.Close()
		fate(t, <-done, false, postrider.ErrClosed)
	})
}

func TestASendUntilKept(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir))
		if err := alice.Peer("bob").Send(t.Context(), "x", postrider.Until(postrider.Kept)); err != nil {
			t.Fatal(err)
		}
		bob := net.node("bob")
		wantBody(t, collect(t, bob, bob.Inbox()), "x")
	})
}

// deafConn brings nothing any more from the moment that it is deaf; what is written arrives.
type deafConn struct {
	net.Conn
	deaf *atomic.Bool
}

func (c deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for c.deaf.Load() && err == nil {
		_, err = c.Conn.Read(b)
	}
	return n, err
}

// A node that closes before it has heard what became of a message does not say that it was not delivered.
func TestAReceiptOfANodeThatClosesTooSoon(t *testing.T) {
	inMemory(t, func(t *testing.T, on *network) {
		bob := on.node("bob")
		got := collect(t, bob, bob.Inbox())
		var deaf atomic.Bool
		alice := on.node("alice", func(cfg *postrider.Config) {
			dial := cfg.Dial
			cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address)
				return deafConn{c, &deaf}, err
			}
		})
		if err := alice.Peer("bob").Send(within(t, time.Minute), "heard of", untilHandled); err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "heard of")
		deaf.Store(true)
		rc, err := alice.Peer("bob").Post(t.Context(), "not heard of", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "not heard of")
		ended := make(chan error)
		go func() {
			_, err := rc.Wait(context.Background())
			ended <- err
		}()
		synctest.Wait()
		go alice.Close()
		fate(t, <-ended, true, postrider.ErrClosed)
	})
}

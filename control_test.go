package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

func TestAPingWaitsBehindNothing(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		stuck := make(chan bool)
		bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
			<-stuck
			return nil
		})
		defer close(stuck)
		for range 5000 {
			post(t, alice.Peer("bob"), strings.Repeat("x", 1000))
		}
		took, err := alice.Peer("bob").Ping(within(t, time.Second))
		if err != nil || took >= time.Second {
			t.Fatal(took, err)
		}
		if _, err := bob.Peer("bob").Ping(within(t, time.Second)); err != nil {
			t.Error("to itself:", err)
		}
		_, err = alice.Peer("carol").Ping(within(t, time.Second))
		fate(t, err, false, postrider.ErrPeerDown, context.DeadlineExceeded)
		_, err = alice.Mailbox("jobs").Ping(within(t, time.Second))
		if fate(t, err, false); !strings.Contains(err.Error(), "control messages go to peers") {
			t.Error(err)
		}
	})
}

func TestControlMessagesOfTheApplication(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		data := collect(t, bob, bob.Inbox())
		got := make(chan string, 100)
		err := bob.Control("note", func(_ context.Context, m *postrider.Message) error {
			got <- m.From + " " + string(m.Body)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		bob.Control("state", func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, "fine") })
		for i := range 50 {
			if err := alice.Peer("bob").Send(within(t, time.Second), fmt.Sprint(i), postrider.Control("note")); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 50 {
			if s := <-got; s != fmt.Sprint("alice ", i) {
				t.Fatalf("%q, want %d", s, i)
			}
		}
		state, err := postrider.Call[string](within(t, time.Second), alice.Peer("bob"), "", postrider.Control("state"))
		if state != "fine" || err != nil {
			t.Error(state, err)
		}
		_, err = postrider.Call[string](within(t, time.Second), alice.Peer("bob"), "", postrider.Control("nonsense"))
		var remote *postrider.RemoteError
		if !errors.As(err, &remote) || remote.Code != 404 {
			t.Error(err)
		}
		bob.Control("exit", exits)
		for range 2 {
			_, err = postrider.Call[string](within(t, time.Second), alice.Peer("bob"), "", postrider.Control("exit"))
			if !errors.As(err, &remote) || remote.Code != 500 {
				t.Error(err)
			}
		}
		wantNone(t, data)
		for _, name := range []string{"", "postrider.ping", "note"} {
			if err := bob.Control(name, func(context.Context, *postrider.Message) error { return nil }); err == nil {
				t.Errorf("the name %q was taken", name)
			}
		}
		fate(t, alice.Mailbox("jobs").Send(t.Context(), "x", postrider.Control("note")), false)
		fate(t, alice.Peer("bob").Send(t.Context(), "x", postrider.Control("note"), untilHandled), false)
	})
}

func TestASlowControlHandlerHoldsUpItsOwnNameOnly(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		goOn := make(chan bool)
		bob.Control("slow", func(context.Context, *postrider.Message) error { <-goOn; return nil })
		bob.Control("quick", func(context.Context, *postrider.Message) error { return nil })
		defer close(goOn)
		var last error
		for range 2000 { // more than may wait
			ctx := within(t, time.Second)
			if last = alice.Peer("bob").Send(ctx, "x", postrider.Control("slow")); last != nil {
				t.Fatal(last)
			}
		}
		if _, err := postrider.Call[string](within(t, time.Second), alice.Peer("bob"), "", postrider.Control("quick")); err != nil {
			t.Error(err)
		}
		_, err := postrider.Call[string](within(t, time.Second), alice.Peer("bob"), "", postrider.Control("slow"))
		var remote *postrider.RemoteError
		if !errors.As(err, &remote) || remote.Code != 506 {
			t.Error(err)
		}
	})
}

func TestACancelledCallCancelsItsHandler(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		began, ended := make(chan bool), make(chan error, 1)
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			began <- true
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		done := make(chan error)
		go func() {
			_, err := postrider.Call[string](ctx, to, "question")
			done <- err
		}()
		<-began
		time.Sleep(time.Minute)
		cancel()
		fate(t, <-done, true, context.Canceled)
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), "the caller has given up") {
				t.Error(err)
			}
		case <-time.After(time.Second):
			t.Fatal("the handler goes on")
		}
	})
}

func TestAHandlerHasItsCallersDeadline(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		left := make(chan time.Duration, 1)
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			deadline, _ := ctx.Deadline()
			left <- time.Until(deadline)
			return nil
		})
		if _, err := postrider.Call[string](within(t, time.Minute), to, "x"); err != nil {
			t.Fatal(err)
		}
		if d := <-left; d < 59*time.Second || d > 61*time.Second {
			t.Errorf("%v are left of a minute", d)
		}
		if _, err := postrider.Call[string](t.Context(), to, "x"); err != nil {
			t.Fatal(err)
		}
		if d := <-left; d < 29*time.Second || d > 31*time.Second {
			t.Errorf("%v are left of half a minute, for who names no deadline", d)
		}
	})
}

func TestACallThatWasGivenUpBeforeItBeganIsNotHandled(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		var handled atomic.Int32
		goOn := make(chan bool)
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			handled.Add(1)
			<-goOn
			return nil
		})
		first := make(chan error)
		go func() {
			_, err := postrider.Call[string](t.Context(), to, "x")
			first <- err
		}()
		synctest.Wait()
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := postrider.Call[string](ctx, to, "y")
			fate(t, err, true, context.Canceled)
		}
		time.Sleep(time.Second)
		close(goOn)
		if err := <-first; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if n := handled.Load(); n != 1 {
			t.Errorf("%d calls were handled", n)
		}
	})
}

// waitingFor receives from bob alone, and tells how that ended and after how long.
func waitingFor(t *testing.T, alice *postrider.Node) <-chan time.Duration {
	t.Helper()
	down := make(chan time.Duration, 1)
	began := time.Now()
	go func() {
		for _, err := range alice.Messages(t.Context(), postrider.From("bob")) {
			if !errors.Is(err, postrider.ErrPeerDown) {
				t.Error(err)
			}
		}
		down <- time.Since(began)
	}()
	return down
}

func TestWhoWaitsForAPeerLearnsAtOnceThatItShutsDown(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		down := waitingFor(t, alice)
		time.Sleep(time.Minute)
		if err := bob.Shutdown(within(t, time.Hour)); err != nil {
			t.Fatal(err)
		}
		if took := <-down; took > time.Minute+time.Second {
			t.Error("after", took)
		}
		rc := post(t, alice.Peer("bob"), "held")
		time.Sleep(time.Minute)
		bob = net.node("bob")
		wantGrade(t, rc, postrider.Received)
		wantBody(t, collect(t, bob, bob.Inbox()), "held")
	})
}

// A silentConn hears nothing any more once its peer's cable is cut: neither data nor an end.
type silentConn struct {
	net.Conn
	silent *atomic.Bool
	closed chan struct{}
	once   *sync.Once
}

func (c silentConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.silent.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c silentConn) Write(b []byte) (int, error) {
	if c.silent.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c silentConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func TestWhoWaitsForAPeerLearnsThatItIsSilent(t *testing.T) {
	inMemory(t, func(t *testing.T, network *network) {
		var silent atomic.Bool
		alice := network.node("alice", func(cfg *postrider.Config) {
			dial := cfg.Dial
			cfg.Dial = func(ctx context.Context, n, address string) (net.Conn, error) {
				if silent.Load() {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				c, err := dial(ctx, n, address)
				return silentConn{c, &silent, make(chan struct{}), new(sync.Once)}, err
			}
		})
		network.node("bob")
		down := waitingFor(t, alice)
		time.Sleep(5 * time.Minute) // it lives
		silent.Store(true)
		if took := <-down; took < 5*time.Minute || took > 6*time.Minute+16*time.Second {
			t.Error("after", took)
		}
	})
}

package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// wantRemote checks what a call was answered with: as it was asked, sealed or not.
func wantRemote(t *testing.T, err error, code int, reason string) {
	t.Helper()
	var refused *postrider.RemoteError
	if !errors.As(err, &refused) || refused.Code != code || !strings.Contains(refused.Reason, reason) || errors.Is(err, postrider.ErrUnsealed) {
		t.Errorf("%v, want %d and %q", err, code, reason)
	}
}

// Its answer is not kept. Its caller learns that at once, and does not wait for what never comes.
func TestACallThatWasAnsweredIsNotHandledAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		var handled atomic.Int64
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			handled.Add(1)
			return m.Reply(ctx, "first")
		})
		if got, err := postrider.Call[string](t.Context(), to, "x", postrider.ID("order 7")); got != "first" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		began := time.Now()
		for range 2 {
			_, err := postrider.Call[string](t.Context(), to, "x", postrider.ID("order 7"))
			wantRemote(t, err, 409, "handled before")
		}
		if took := time.Since(began); took > time.Second || handled.Load() != 1 {
			t.Errorf("it took %v, and was handled %d times", took, handled.Load())
		}
	})
}

func TestACallThatFailedMayBeRepeatedUnderItsID(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		var tries atomic.Int64
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			if tries.Add(1) < 3 {
				return errors.New("not now")
			}
			return m.Reply(ctx, "now")
		})
		for range 2 {
			_, err := postrider.Call[string](t.Context(), to, "x", postrider.ID("order 7"))
			wantRemote(t, err, 500, "not now")
		}
		if got, err := postrider.Call[string](t.Context(), to, "x", postrider.ID("order 7")); got != "now" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// Whether its handler was in the midst of it, or it had not begun.
func TestACallThatTimedOutMayBeRepeatedUnderItsID(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		var busy atomic.Bool
		busy.Store(true)
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			if string(m.Body) == "long" {
				time.Sleep(10 * time.Second)
				return nil
			}
			if busy.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return m.Reply(ctx, "done")
		})
		try := func() (string, error) {
			return postrider.Call[string](within(t, 2*time.Second), to, "x", postrider.ID("order 7"))
		}
		_, err := try()
		fate(t, err, true, context.DeadlineExceeded)
		busy.Store(false)
		if got, err := try(); got != "done" || err != nil {
			t.Errorf("after its handler was in the midst of it: %q, %v", got, err)
		}

		if _, err := to.Post(t.Context(), "long"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		try = func() (string, error) {
			return postrider.Call[string](within(t, 2*time.Second), to, "x", postrider.ID("order 8"))
		}
		_, err = try()
		fate(t, err, true, context.DeadlineExceeded)
		time.Sleep(10 * time.Second)
		if got, err := try(); got != "done" || err != nil {
			t.Errorf("after it had not begun: %q, %v", got, err)
		}
	})
}

// The repeat waits for what becomes of the first, and whichever answer there is is its caller's.
func TestACallIsRepeatedWhileTheFirstIsHandled(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		var tries atomic.Int64
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			try := tries.Add(1)
			if try == 1 {
				time.Sleep(3 * time.Second) // deaf to its context
				if string(m.Body) == "fails" {
					return errors.New("not now")
				}
			}
			return m.Reply(context.WithoutCancel(ctx), try)
		}, postrider.Workers(2))
		for body, want := range map[string]int64{"works": 1, "fails": 2} {
			tries.Store(0)
			_, err := postrider.Call[int64](within(t, 2*time.Second), to, body, postrider.ID(body))
			fate(t, err, true, context.DeadlineExceeded)
			if got, err := postrider.Call[int64](within(t, 2*time.Second), to, body, postrider.ID(body)); got != want || err != nil {
				t.Errorf("%s: %d, %v, want %d", body, got, err, want)
			}
			if got := tries.Load(); got != want {
				t.Errorf("%s: handled %d times, want %d", body, got, want)
			}
		}
	})
}

// The answer to the first went to a connection that was no more. The repeat is told that it was handled.
func TestACallIsRepeatedAfterItsCallersConnectionBroke(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		if to == at {
			return // there is no connection
		}
		var tries atomic.Int64
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			time.Sleep(3 * time.Second)
			return m.Reply(ctx, tries.Add(1))
		}, postrider.Workers(2))
		try := func() error {
			_, err := postrider.Call[int64](within(t, 10*time.Second), to, "x", postrider.ID("order 7"))
			return err
		}
		time.AfterFunc(time.Second, func() { net.Cut("alice") })
		fate(t, try(), true)
		began := time.Now()
		wantRemote(t, try(), 409, "handled before")
		if took := time.Since(began); took > 3*time.Second || tries.Load() != 1 {
			t.Errorf("it took %v, and was handled %d times", took, tries.Load())
		}
	})
}

// A worker that is stopped in the midst of a call leaves it to another. At a peer there is no other: its caller is told.
func TestACallWhoseHandlingEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, net *network, to, at *postrider.Target, bob *postrider.Node) {
		began := make(chan bool, 1)
		ctx, stop := context.WithCancel(t.Context())
		bob.Handle(ctx, at, func(ctx context.Context, m *postrider.Message) error {
			began <- true
			<-ctx.Done()
			return fmt.Errorf("booking: %w", ctx.Err())
		})
		answer := make(chan any, 1)
		go func() {
			if got, err := postrider.Call[string](t.Context(), to, "x"); err != nil {
				answer <- err
			} else {
				answer <- got
			}
		}()
		<-began
		stop()
		synctest.Wait()
		bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			if !m.Redelivered {
				t.Error("it is not marked redelivered")
			}
			return m.Reply(ctx, "another has done it")
		})
		got := <-answer
		if to.String() == "peer bob" {
			wantRemote(t, got.(error), 500, "booking: context canceled")
		} else if got != "another has done it" {
			t.Errorf("the answer is %v", got)
		}
	})
}

func TestAControlCallMayBeRepeatedAsOthers(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		var tries atomic.Int64
		bob.Control("state", func(ctx context.Context, m *postrider.Message) error {
			if tries.Add(1) == 1 {
				return errors.New("not now")
			}
			return m.Reply(ctx, "fine")
		})
		try := func() (string, error) {
			return postrider.Call[string](t.Context(), alice.Peer("bob"), "", postrider.Control("state"), postrider.ID("7"))
		}
		_, err := try()
		wantRemote(t, err, 500, "not now")
		if got, err := try(); got != "fine" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_, err = try()
		wantRemote(t, err, 409, "handled before")
	})
}

// What the repeat of a sealed call is told is sealed, too, or its caller would not take it.
func TestTheRepeatOfASealedCallIsToldSo(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		keys := postridertest.NewKeys(t, "peer:bob")
		alice, bob := net.node("alice", keys.For("alice")), net.node("bob", keys.For("bob"))
		var tries atomic.Int64
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			time.Sleep(3 * time.Second)
			return m.Reply(context.WithoutCancel(ctx), tries.Add(1))
		}, postrider.Workers(2))
		try := func() (int64, error) {
			return postrider.Call[int64](within(t, 2*time.Second), alice.Peer("bob"), "x", postrider.ID("order 7"))
		}
		_, err := try()
		fate(t, err, true, context.DeadlineExceeded)
		if got, err := try(); got != 1 || err != nil { // while the first is handled
			t.Errorf("%d, %v", got, err)
		}
		_, err = try()
		wantRemote(t, err, 409, "handled before")
		if got := tries.Load(); got != 1 {
			t.Errorf("handled %d times", got)
		}

		try = func() (int64, error) {
			return postrider.Call[int64](within(t, 10*time.Second), alice.Peer("bob"), "x", postrider.ID("order 8"))
		}
		time.AfterFunc(time.Second, func() { net.Cut("alice") })
		_, err = try()
		fate(t, err, true)
		_, err = try() // while the first is handled, whose answer reaches nobody
		wantRemote(t, err, 409, "handled before")
	})
}

// A second that is made while the first is waited for is none: its caller learns so at once. A call of that id to another target is.
func TestCallsOfOneIDAtTheSameTime(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		for name, answer := range map[string]time.Duration{"slow": 3 * time.Second, "quick": time.Second} {
			worker.Handle(t.Context(), worker.Mailbox(name), func(ctx context.Context, m *postrider.Message) error {
				time.Sleep(answer)
				return m.Reply(context.WithoutCancel(ctx), name)
			})
		}
		call := func(name string, limit time.Duration) (string, error) {
			return postrider.Call[string](within(t, limit), producer.Mailbox(name), "x", postrider.ID("order 7"))
		}
		first := make(chan error)
		go func() {
			_, err := call("slow", 2500*time.Millisecond)
			first <- err
		}()
		synctest.Wait()
		if _, err := call("slow", time.Minute); err == nil || !strings.Contains(err.Error(), `"order 7" is under way`) {
			t.Error(err)
		}
		if got, err := call("quick", time.Minute); got != "quick" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		fate(t, <-first, true, context.DeadlineExceeded)
		producer.Mailbox("quick").Send(t.Context(), "what follows") // its handler is busy when the answer of the other comes
		if _, err := call("quick", time.Minute); err != nil {
			wantRemote(t, err, 409, "handled before")
		} else {
			t.Error("another target's answer was taken for this one's")
		}
	})
}

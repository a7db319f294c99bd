package postrider

import (
	"context"
	"errors"
	"testing"
	"time"
)

// aCall is the context of a call that comes in.
func aCall(ctx context.Context, deadline time.Time) *callerContext {
	m := &Message{ID: "1", From: "alice", origin: &origin{wanted: true, tap: &tap{target: &Target{node: &Node{calls: newCalls()}}}}}
	if !deadline.IsZero() {
		m.deadline = deadline.Sub(started)
	}
	return m.forCaller(ctx)
}

func wantEnded(t *testing.T, ctx context.Context, err, cause error) {
	t.Helper()
	if !errors.Is(ctx.Err(), err) || !errors.Is(context.Cause(ctx), cause) {
		t.Errorf("the context's error is %v, its cause %v, want %v, %v", ctx.Err(), context.Cause(ctx), err, cause)
	}
	select {
	case <-ctx.Done():
	default:
		t.Error("the context has an error and is not done")
	}
}

func TestACallsContextEndsWhenItsCallerGivesUp(t *testing.T) {
	for _, looked := range []bool{false, true} { // before it ended
		c := aCall(t.Context(), time.Time{})
		if looked {
			c.Done()
		}
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
		c.message.tap.target.node.calls.cancel(callKey{from: "alice", id: "1"})
		wantEnded(t, c, context.Canceled, errAbandoned)
		c.done()
		wantEnded(t, c, context.Canceled, errAbandoned)
	}
}

func TestACallThatWasGivenUpBeforeItBeganIsOver(t *testing.T) {
	c := aCall(t.Context(), time.Time{})
	calls := c.message.tap.target.node.calls
	c.done()
	calls.cancel(callKey{from: "alice", id: "1"})
	again := c.message.forCaller(t.Context())
	wantEnded(t, again, context.Canceled, errAbandoned)
}

func TestACallsContextEndsAtItsDeadline(t *testing.T) {
	past := time.Now().Add(-time.Second)
	c := aCall(t.Context(), past)
	if at, ok := c.Deadline(); !ok || !at.Equal(past) {
		t.Errorf("its deadline is %v, %v", at, ok)
	}
	wantEnded(t, c, context.DeadlineExceeded, errAbandoned)
	soon, cancel := context.WithDeadline(t.Context(), past.Add(-time.Minute))
	defer cancel()
	if at, _ := aCall(soon, past).Deadline(); at.Equal(past) {
		t.Error("its deadline is later than that of the handling")
	}
}

func TestACallsContextEndsWithTheHandling(t *testing.T) {
	for _, looked := range []bool{false, true} {
		stopped := errors.New("stopped")
		ctx, stop := context.WithCancelCause(context.WithValue(t.Context(), callKey{}, "value"))
		c := aCall(ctx, time.Time{})
		if looked {
			c.Done()
		}
		stop(stopped)
		wantEnded(t, c, context.Canceled, stopped)
		if c.Value(callKey{}) != "value" {
			t.Error("a value of the handling's context is lost")
		}
	}
}

func TestWhatDependsOnACallsContextEndsWhenTheHandlerReturns(t *testing.T) {
	c := aCall(t.Context(), time.Now().Add(time.Hour))
	child, cancel := context.WithTimeout(c, time.Hour)
	defer cancel()
	c.done()
	<-child.Done()
	wantEnded(t, c, context.Canceled, context.Canceled)
	if c.message.tap.target.node.calls.running != nil {
		t.Error("the call is still in the books")
	}
}

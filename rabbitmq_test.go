package postrider_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
)

// rabbit starts a node whose mailboxes live on the RabbitMQ that POSTRIDER_RABBITMQ names, an AMQP URL.
// Without it, these tests are skipped.
func rabbit(t *testing.T, name string) *postrider.Node {
	t.Helper()
	url := os.Getenv("POSTRIDER_RABBITMQ")
	if url == "" {
		t.Skip("POSTRIDER_RABBITMQ names no broker")
	}
	return start(t, postrider.Config{Name: name, Brokers: []string{url}})
}

// fresh is a mailbox name that no earlier run has used.
func fresh(t *testing.T) string {
	return fmt.Sprintf("postrider.test.%s.%d", t.Name(), time.Now().UnixNano())
}

func TestMailboxesOnRabbitMQ(t *testing.T) {
	alice, bob := rabbit(t, "alice"), rabbit(t, "bob")
	name := fresh(t)
	ctx := soon(t)
	for i := range 100 {
		if err := alice.Mailbox(name).Send(ctx, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		wantGrade(t, post(t, alice.Mailbox(name), fmt.Sprint(100+i)), postrider.Stored)
	}
	got := collect(t, bob, bob.Mailbox(name))
	for i := range 200 {
		if m := wantBody(t, got, fmt.Sprint(i)); m.From != "alice" || m.To != name {
			t.Errorf("%+v", m)
		}
	}
}

func TestCallsOnRabbitMQ(t *testing.T) {
	alice, bob := rabbit(t, "alice"), rabbit(t, "bob")
	name := fresh(t)
	ctx := soon(t)
	err := bob.Handle(ctx, bob.Mailbox(name), func(ctx context.Context, m *postrider.Message) error {
		var a ask
		if err := m.Decode(&a); err != nil {
			return err
		}
		if a.N == 0 {
			return errors.New("nothing asked")
		}
		return m.Reply(ctx, quote{2 * a.N})
	}, postrider.Workers(4))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		q, err := postrider.Call[quote](ctx, alice.Mailbox(name), ask{i + 1})
		if err != nil || q.Price != 2*(i+1) {
			t.Fatal(q, err)
		}
	}
	_, err = postrider.Call[quote](ctx, alice.Mailbox(name), ask{})
	var remote *postrider.RemoteError
	if !errors.As(err, &remote) || remote.Reason != "nothing asked" {
		t.Error(err)
	}
}

func TestRequeueOnRabbitMQ(t *testing.T) {
	alice := rabbit(t, "alice")
	name := fresh(t)
	ctx := soon(t)
	jobs := alice.Mailbox(name)
	tries := make(chan bool, 10)
	err := alice.Handle(ctx, jobs, func(_ context.Context, m *postrider.Message) error {
		tries <- m.Redelivered
		if !m.Redelivered {
			return errors.New("not now")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Send(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	if a, b := <-tries, <-tries; a || !b {
		t.Error("redelivered", a, "then", b)
	}
}

func TestTheLoopOverAMailboxOnRabbitMQ(t *testing.T) {
	alice := rabbit(t, "alice")
	jobs := alice.Mailbox(fresh(t))
	ctx := soon(t)
	for _, b := range []string{"a", "b", "c"} {
		if err := jobs.Send(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"a", "b", "c"} {
		for m, err := range alice.Messages(ctx, postrider.Of(jobs)) {
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Body) != want {
				t.Errorf("%q, want %q", m.Body, want)
			}
			m.Ack()
			break
		}
	}
}

func TestAWrongPasswordOnRabbitMQ(t *testing.T) {
	if os.Getenv("POSTRIDER_RABBITMQ") != "amqp://127.0.0.1" {
		t.Skip("needs POSTRIDER_RABBITMQ=amqp://127.0.0.1")
	}
	alice := start(t, postrider.Config{Name: "alice", Brokers: []string{"amqp://guest:wrong@127.0.0.1"}})
	err := alice.Mailbox("jobs").Send(soon(t), "x")
	var remote *postrider.RemoteError
	if !errors.As(err, &remote) || remote.Code != 403 {
		t.Error(err)
	}
}

func TestFailuresOnRabbitMQ(t *testing.T) {
	alice := rabbit(t, "alice")
	jobs := alice.Mailbox(fresh(t))
	var tries atomic.Int32
	err := alice.Handle(t.Context(), jobs, func(_ context.Context, m *postrider.Message) error {
		switch tries.Add(1) {
		case 1:
			return postrider.Retry(250 * time.Millisecond)
		default:
			return errors.New("never")
		}
	}, postrider.MaxTries(3))
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Send(soon(t), "x", postrider.ID("order 7")); err != nil {
		t.Fatal(err)
	}
	for m, err := range alice.Messages(soon(t), postrider.Of(jobs.Dead())) {
		if err != nil {
			t.Fatal(err)
		}
		f, _ := m.Failure()
		if m.ID != "order 7" || f.Reason != "never" || f.Tries != 3 || f.Target != jobs.Name() || tries.Load() != 4 {
			t.Errorf("%+v after %d", f, tries.Load())
		}
		m.Ack()
		break
	}
}

func TestReceiptsOnRabbitMQ(t *testing.T) {
	alice, bob := rabbit(t, "alice"), rabbit(t, "bob")
	name := fresh(t)
	handled := 0
	err := bob.Handle(t.Context(), bob.Mailbox(name), func(_ context.Context, m *postrider.Message) error {
		if string(m.Body) == "bad" {
			return postrider.Reject(errors.New("unreadable"))
		}
		handled++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := alice.Mailbox(name).Send(soon(t), "good", untilHandled); err != nil || handled != i+1 {
			t.Fatal(handled, err)
		}
	}
	err = alice.Mailbox(name).Send(soon(t), "bad", untilHandled)
	var remote *postrider.RemoteError
	if !errors.As(err, &remote) || remote.Reason != "unreadable" {
		t.Error(err)
	}
}

func TestACancelledCallOnRabbitMQ(t *testing.T) {
	alice, bob := rabbit(t, "alice"), rabbit(t, "bob")
	name := fresh(t)
	began, ended := make(chan bool, 1), make(chan error, 1)
	err := bob.Handle(t.Context(), bob.Mailbox(name), func(ctx context.Context, m *postrider.Message) error {
		if string(m.Body) == "quick" { // after which bob hears of cancels
			return nil
		}
		began <- true
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := postrider.Call[string](soon(t), alice.Mailbox(name), "quick"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(soon(t))
	go func() {
		<-began
		cancel()
	}()
	_, err = postrider.Call[string](ctx, alice.Mailbox(name), "slow")
	fate(t, err, true, context.Canceled)
	select {
	case <-ended:
	case <-soon(t).Done():
		t.Error("the handler goes on")
	}
}

// RabbitMQ passes on headers of any depth, and as large as a frame.
func TestHeadersBeyondOurBoundsOnRabbitMQ(t *testing.T) {
	alice := rabbit(t, "alice")
	name := fresh(t)
	var tries atomic.Int32
	err := alice.Handle(t.Context(), alice.Mailbox(name), func(_ context.Context, m *postrider.Message) error {
		if n := tries.Add(1); m.Header("colour") != "red" {
			return postrider.Reject(fmt.Errorf("%v the %d. time", m.Header("colour"), n))
		}
		return errors.New("no")
	}, postrider.MaxTries(2))
	if err != nil {
		t.Fatal(err)
	}
	deep := []byte("\x00\x00\x00\x00")
	for range 2 * amqp.MaxTableDepth {
		deep = append([]byte{0, 0, 0, byte(len(deep) + 3), 1, 'a', 'F'}, deep...)
	}
	large := append([]byte{0, 0, 0, 0, 1, 'a', 'S', 0, 1, 0x80, 0}, make([]byte, 96<<10)...)
	for _, raw := range [][]byte{deep, large} {
		raw = append(raw, "\x06colourS\x00\x00\x00\x03red"...)
		binary.BigEndian.PutUint32(raw, uint32(len(raw)-4))
		publishTo(t, os.Getenv("POSTRIDER_RABBITMQ"), nil, amqp.Properties{RawHeaders: raw}, name, "a")
	}
	dead := collect(t, alice, alice.Mailbox(name).Dead())
	for _, failures := range []int{0, 2} { // for which the large one has no room
		m := wantBody(t, dead, "a")
		if f, _ := m.Failure(); f.Tries != failures || m.Header("colour") != "red" {
			t.Errorf("%+v, colour %v", f, m.Header("colour"))
		}
	}
	if n := tries.Load(); n != 3 {
		t.Errorf("tried %d times", n)
	}
}

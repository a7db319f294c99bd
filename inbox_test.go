package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

func TestReceivingFromOnePeerLeavesTheRestToOthers(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob, carol := net.node("alice"), net.node("bob"), net.node("carol")
		send := func(from *postrider.Node, body string) {
			t.Helper()
			if err := from.Peer("alice").Send(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
		send(carol, "carol 1")
		send(bob, "bob 1")
		send(carol, "carol 2")
		for m, err := range alice.Messages(t.Context(), postrider.From("bob")) {
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Body) != "bob 1" {
				t.Errorf("from bob came %q", m.Body)
			}
			m.Ack()
			break
		}
		got := collect(t, alice, alice.Inbox())
		wantBody(t, got, "carol 1")
		wantBody(t, got, "carol 2")
		send(bob, "bob 2") // nobody waits for bob in particular any more
		wantBody(t, got, "bob 2")
		wantNone(t, got)
	})
}

func TestWaitingForAPeerThatDies(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		if err := bob.Peer("alice").Send(t.Context(), "last words"); err != nil {
			t.Fatal(err)
		}
		var heard []string
		for m, err := range alice.Messages(t.Context(), postrider.From("bob")) {
			if err != nil {
				if !errors.Is(err, postrider.ErrPeerDown) {
					t.Error(err)
				}
				break
			}
			heard = append(heard, string(m.Body))
			m.Ack()
			synctest.Wait()
			bob.Close()
		}
		if strings.Join(heard, ",") != "last words" {
			t.Errorf("heard %q", heard)
		}
		for _, err := range alice.Messages(t.Context(), postrider.From("bob")) {
			if !errors.Is(err, postrider.ErrPeerDown) { // still
				t.Error(err)
			}
		}
	})
}

func TestCloseEndsEverythingThatWaits(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", onBroker)
		ended := make(chan error, 4)
		go func() { ended <- alice.Peer("bob").Send(context.Background(), "x") }()
		go func() { ended <- alice.Mailbox("jobs").Send(context.Background(), "x") }()
		go func() {
			_, err := postrider.Call[string](context.Background(), alice.Peer("bob"), "x")
			ended <- err
		}()
		go func() {
			for _, err := range alice.Messages(context.Background()) {
				ended <- err
			}
		}()
		rc := post(t, alice.Peer("bob"), "x")
		interrupted := make(chan struct{})
		alice.Handle(context.Background(), alice.Mailbox("jobs"), func(context.Context, *postrider.Message) error { return nil })
		go func() {
			defer close(interrupted)
			alice.Handle(context.Background(), alice.Inbox(), func(context.Context, *postrider.Message) error { return nil })
		}()
		synctest.Wait()
		alice.Close()
		for range 4 {
			if err := <-ended; !errors.Is(err, postrider.ErrClosed) {
				t.Error(err)
			}
		}
		_, err := rc.Wait(t.Context())
		fate(t, err, false, postrider.ErrClosed)
		fate(t, alice.Peer("bob").Send(t.Context(), "x"), false, postrider.ErrClosed)
		fate(t, alice.Peer("carol").Send(t.Context(), "x"), false, postrider.ErrClosed)
		for _, at := range []*postrider.Target{alice.Inbox(), alice.Mailbox("jobs"), alice.Mailbox("new"), alice.Mailbox("parts", postrider.Partitions(2)), alice.Topic("news")} {
			if err := alice.Handle(t.Context(), at, func(context.Context, *postrider.Message) error { return nil }); !errors.Is(err, postrider.ErrClosed) {
				t.Error(at, err)
			}
			for _, err := range alice.Messages(t.Context(), postrider.Of(at)) {
				if !errors.Is(err, postrider.ErrClosed) {
					t.Error(at, err)
				}
			}
		}
		if err := alice.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseInterruptsHandlers(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		begun, ended := make(chan struct{}), make(chan struct{})
		alice.Handle(t.Context(), alice.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			close(begun)
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		})
		post(t, alice.Inbox(), "x")
		<-begun
		alice.Close()
		<-ended
	})
}

func TestShutdownFinishesWhatWasReceived(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		bob := net.node("bob")
		atBob := collect(t, bob, bob.Inbox())
		var handled atomic.Int32
		begun := make(chan struct{}, 10)
		alice.Handle(t.Context(), alice.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			begun <- struct{}{}
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				t.Error("interrupted")
			}
			handled.Add(1)
			alice.Peer("bob").Post(ctx, "done "+string(m.Body))
			return nil
		}, postrider.Workers(2))
		for _, b := range []string{"1", "2", "3"} {
			post(t, alice.Inbox(), b)
		}
		<-begun
		<-begun
		if err := alice.Shutdown(within(t, time.Hour)); err != nil {
			t.Fatal(err)
		}
		if handled.Load() != 3 {
			t.Errorf("%d handled, want the 2 that were begun and the one that waited", handled.Load())
		}
		synctest.Wait()
		if len(atBob) != 3 {
			t.Errorf("%d messages at bob", len(atBob))
		}
	})
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		rc := post(t, alice.Peer("bob"), "x") // who is not there
		err := alice.Shutdown(within(t, time.Second))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		_, err = rc.Wait(t.Context())
		fate(t, err, false, postrider.ErrClosed)
	})
}

func TestAnInboxInADirectorySurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	n := start(t, postrider.Config{Name: "bob", Dir: dir})
	ctx := soon(t)
	if err := n.Inbox().Send(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := n.Mailbox("jobs").Send(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := postrider.Start(ctx, postrider.Config{Name: "bob", Dir: dir, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Fatal("a second node uses the same directory")
	}
	n.Close()
	n = start(t, postrider.Config{Name: "bob", Dir: dir})
	wantBody(t, collect(t, n, n.Inbox()), "a")
	wantBody(t, collect(t, n, n.Mailbox("jobs")), "b")
}

// A node of another name has another inbox, and what came into the old one stays where nobody may look.
func TestADirectoryOfAnotherNodeIsToldOf(t *testing.T) {
	dir := t.TempDir()
	startLogged := func(name string) (*postrider.Node, string) {
		t.Helper()
		var log strings.Builder
		n := start(t, postrider.Config{Name: name, Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		return n, log.String()
	}
	wantNoWarning := func(log string) {
		t.Helper()
		if strings.Contains(log, "level=WARN") {
			t.Errorf("logged:\n%s\nwant no warning", log)
		}
	}
	bob, log := startLogged("bob")
	wantNoWarning(log)
	if err := bob.Inbox().Send(soon(t), "for bob"); err != nil {
		t.Fatal(err)
	}
	bob.Close()
	bob, log = startLogged("bob")
	wantNoWarning(log)
	bob.Close()
	robert, log := startLogged("robert")
	if !strings.Contains(log, "level=WARN") || !strings.Contains(log, `waiting="bob (1)"`) {
		t.Errorf("logged:\n%s\nwant a warning of the message in bob's inbox", log)
	}
	wantBody(t, collect(t, robert, robert.Mailbox("bob")), "for bob")
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	for why, cfg := range map[string]postrider.Config{
		"Config.Name is empty":                   {},
		"300 bytes long":                         {Name: strings.Repeat("x", 300)},
		"control character":                      {Name: "a\nb"},
		"not UTF-8":                              {Name: "\xff"},
		"set Config.TLS, or listen on 127.0.0.1": {Name: "a", Listen: ":0"},
		"Config.Listen":                          {Name: "a", Listen: "127.0.0.1"},
		`has the scheme "http"`:                  {Name: "a", Brokers: []string{"http://x"}},
		`Config.Peers["b"]`:                      {Name: "a", Peers: map[string]string{"b": "nowhere"}},
		"names no host":                          {Name: "a", Brokers: []string{"amqp://:5672"}},
	} {
		n, err := postrider.Start(t.Context(), cfg)
		if err == nil {
			n.Close()
			t.Errorf("started, want an error about %s", why)
			continue
		}
		if !strings.Contains(err.Error(), why) {
			t.Errorf("%q, want it to say %q", err, why)
		}
	}
	_, err := postrider.Start(t.Context(), postrider.Config{Name: "a", Brokers: []string{"amqp://u:secret@h:port"}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%q tells a password", err)
	}
}

// A start that fails after the directory was opened, because its address is taken, leaves no trace: after an orderly end only what
// somebody was given is marked as redelivered, however often a start fails in between.
func TestAStartThatFailsMarksNothing(t *testing.T) {
	ctx := soon(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := postrider.Config{Name: "bob", Dir: t.TempDir()}
	again := func(n *postrider.Node) *postrider.Node {
		t.Helper()
		if err := n.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			failing := cfg
			failing.Listen, failing.Logger = taken.Addr().String(), slog.New(slog.DiscardHandler)
			if _, err := postrider.Start(ctx, failing); !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("Start = %v, want an address that is in use", err)
			}
		}
		return start(t, cfg)
	}
	take := func(n *postrider.Node, target *postrider.Target, settle func(*postrider.Message) error, want ...string) {
		t.Helper()
		for m, err := range n.Messages(ctx, postrider.Of(target)) {
			if err != nil {
				t.Fatal(err)
			}
			got := string(m.Body)
			if m.Redelivered {
				got += " again"
			}
			if got != want[0] {
				t.Errorf("%q came, want %q", got, want[0])
			}
			if err := settle(m); err != nil {
				t.Fatal(err)
			}
			if want = want[1:]; len(want) == 0 {
				return
			}
		}
	}
	send := func(target *postrider.Target, bodies ...string) {
		t.Helper()
		for _, body := range bodies {
			if err := target.Send(ctx, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep := func(*postrider.Message) error { return nil } // it goes back when the loop ends

	n := start(t, cfg)
	send(n.Inbox(), "for me")
	send(n.Mailbox("jobs"), "a", "b")
	send(n.Mailbox("more"), "d")
	n = again(n)
	take(n, n.Mailbox("jobs"), (*postrider.Message).Ack, "a")
	send(n.Mailbox("jobs"), "c") // and b was on its way to the loop that has ended, which has not seen it
	n = again(n)
	take(n, n.Mailbox("jobs"), keep, "b", "c")
	n = again(n)
	take(n, n.Mailbox("jobs"), (*postrider.Message).Ack, "b again", "c again")
	take(n, n.Mailbox("more"), (*postrider.Message).Ack, "d")
	take(n, n.Inbox(), (*postrider.Message).Ack, "for me")
}

// Without brokers the queue of a node's own name is its inbox, whatever it is called by: packs are taken apart, and repeats known.
func TestTheMailboxOfANodesOwnNameIsItsInbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		const many = 200
		for i := range many {
			if _, err := bob.Peer("alice").Post(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := bob.Peer("alice").Send(t.Context(), "once", postrider.ID("mine")); err != nil {
			t.Fatal(err)
		}
		got := 0
		for m, err := range alice.Messages(within(t, time.Minute), postrider.Of(alice.Mailbox("alice"))) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprint(got); got < many && string(m.Body) != want {
				t.Fatalf("%q came, want %q", m.Body, want)
			}
			m.Ack()
			if got++; got > many {
				break
			}
		}
		if err := bob.Peer("alice").Send(t.Context(), "once", postrider.ID("mine")); err != nil {
			t.Fatal(err)
		}
		for m, err := range alice.Messages(within(t, time.Minute)) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(m, err)
			}
		}
		for _, option := range []postrider.MailboxOption{postrider.SingleActive(), postrider.Partitions(2)} {
			for m, err := range alice.Messages(within(t, time.Minute), postrider.Of(alice.Mailbox("alice", option))) {
				if err == nil || errors.Is(err, context.DeadlineExceeded) {
					t.Error(m, err)
				}
			}
		}
	})
}

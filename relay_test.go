package postrider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

func relayed(cfg *postrider.Config) { onBroker(cfg); cfg.Relay = true }

// While two cannot reach each other, their messages go by way of the broker, questions and receipts included; afterwards directly.
func TestAMessageIsRelayedWhileThereIsNoDirectWay(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", relayed), net.node("bob", relayed)
		got := make(chan *postrider.Message, 10)
		err := bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			got <- m
			if string(m.Body) == "bad" {
				return postrider.Reject(errors.New("no"))
			}
			return m.Reply(ctx, "you are welcome")
		})
		if err != nil {
			t.Fatal(err)
		}
		to := alice.Peer("bob", postrider.Relay())
		send := func(body string, relayed bool, grade postrider.Grade) {
			t.Helper()
			if err := to.Send(within(t, time.Minute), body); err != nil {
				t.Fatal(err)
			}
			if m := wantBody(t, got, body); m.From != "alice" || m.To != "bob" {
				t.Errorf("%+v", m)
			}
			rc := post(t, to, body)
			wantGrade(t, rc, grade)
			if rc.Relayed() != relayed {
				t.Errorf("relayed: %v", rc.Relayed())
			}
			wantBody(t, got, body)
		}
		send("direct", false, postrider.Received)
		net.Split("alice", "bob")
		synctest.Wait()
		send("around", true, postrider.Stored)
		answer, err := postrider.Call[string](within(t, time.Minute), to, "thanks")
		if answer != "you are welcome" || err != nil {
			t.Error(answer, err)
		}
		wantBody(t, got, "thanks")
		if err := to.Send(within(t, time.Minute), "good", postrider.Until(postrider.Handled)); err != nil {
			t.Error(err)
		}
		wantBody(t, got, "good")
		var refused *postrider.RemoteError
		if err := to.Send(within(t, time.Minute), "bad", postrider.Until(postrider.Handled)); !errors.As(err, &refused) {
			t.Error(err)
		}
		wantBody(t, got, "bad")
		net.Heal("alice", "bob")
		time.Sleep(time.Minute)
		send("direct again", false, postrider.Received)
	})
}

// What is relayed to a node that is down waits for it on the broker.
func TestARelayedMessageWaitsForItsRecipient(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		if err := alice.Peer("bob", postrider.Relay()).Send(within(t, time.Minute), "hello"); err != nil {
			t.Fatal(err)
		}
		alice.Close()
		bob := net.node("bob", relayed)
		wantBody(t, collect(t, bob, bob.Inbox()), "hello")
	})
}

// What is relayed comes in order though the inbox is full again and again.
func TestRelayedMessagesKeepTheirOrderBeforeAFullInbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		bob := net.node("bob", relayed, func(cfg *postrider.Config) { cfg.InboxMessages = 4 })
		net.Split("alice", "bob")
		to := alice.Peer("bob", postrider.Relay())
		const all = 200
		for i := range all {
			if err := to.Send(within(t, time.Minute), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		got := make(chan *postrider.Message, all)
		err := bob.Handle(t.Context(), bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
			time.Sleep(7 * time.Millisecond)
			got <- m
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			wantBody(t, got, fmt.Sprint(i))
		}
	})
}

// What is relayed expires where it waits: on the broker, and in the inbox.
func TestARelayedMessageExpires(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", relayed), net.node("bob", relayed)
		net.Split("alice", "bob")
		to := alice.Peer("bob", postrider.Relay())
		if err := to.Send(within(t, time.Minute), "in the inbox", postrider.Expires(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if err := to.Send(within(t, time.Minute), "in time", postrider.Expires(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := collect(t, bob, bob.Inbox())
		wantBody(t, got, "in time")
		bob.Close()
		if err := to.Send(within(t, time.Minute), "on the broker", postrider.Expires(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		bob = net.node("bob", relayed)
		wantNone(t, collect(t, bob, bob.Inbox()))
	})
}

// Who gives up a call that was relayed is heard as over a direct connection: by its handler, and where it has not begun.
func TestARelayedCallIsGivenUp(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", relayed), net.node("bob", relayed)
		time.Sleep(time.Second) // bob is connected to the broker
		net.Split("alice", "bob")
		began, ended := make(chan string, 2), make(chan error, 2)
		err := bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			began <- string(m.Body)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		to := alice.Peer("bob", postrider.Relay())
		var calls sync.WaitGroup
		call := func(body string) (giveUp func()) {
			ctx, cancel := context.WithCancel(t.Context())
			calls.Go(func() {
				_, err := postrider.Call[string](ctx, to, body)
				fate(t, err, true, context.Canceled)
			})
			synctest.Wait()
			return cancel
		}
		giveUp := call("a")
		call("b")()
		synctest.Wait()
		start := time.Now()
		giveUp()
		if err := <-ended; time.Since(start) > time.Second || err.Error() != "the caller has given up" {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		calls.Wait()
		time.Sleep(time.Minute)
		if <-began; len(began) > 0 {
			t.Errorf("%q began after it was given up", <-began)
		}
	})
}

func TestARelayWithoutBrokersIsWarnedOf(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var log bytes.Buffer
		n := net.node("alice", func(cfg *postrider.Config) { cfg.Relay, cfg.Logger = true, slog.New(slog.NewTextHandler(&log, nil)) })
		n.Peer("bob", postrider.Relay())
		synctest.Wait()
		for _, want := range []string{"Config.Relay is set", "Relay is asked for"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not in the log:\n%s", want, log.String())
			}
		}
	})
}

package postrider_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// amongStrangers is inMemory where nobody knows where others are.
func amongStrangers(t *testing.T, tell func(t *testing.T, net *network)) {
	synctest.Test(t, func(t *testing.T) { tell(t, &network{postridertest.New(t), t}) })
}

// A process that is frozen keeps its connections and says nothing on them. Who calls it learns so within seconds, and what is sent then goes to
// another of its name.
func TestAnotherOfAPeersNameTakesThePlaceOfOneThatIsFrozen(t *testing.T) {
	amongStrangers(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		for _, name := range []string{"first", "second"} {
			bob := net.node(name, onBroker, func(cfg *postrider.Config) { cfg.Name = "bob" })
			err := bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
				if string(m.Body) == "long" {
					time.Sleep(25 * time.Second)
				}
				return m.Reply(ctx, name)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		call := func(body string) (string, error) { return postrider.Call[string](t.Context(), alice.Peer("bob"), body) }
		frozen, err := call("long") // which no connection ends for
		if err != nil {
			t.Fatal(err)
		}
		net.Mute(frozen)
		began := time.Now()
		_, err = call("where are you")
		fate(t, err, true)
		if took := time.Since(began); took > 14*time.Second {
			t.Error("it took", took)
		}
		another, err := call("and now")
		if took := time.Since(began); err != nil || another == frozen || took > 15*time.Second {
			t.Errorf("%q answered, and not %q: %v, after %v", another, frozen, err, took)
		}
	})
}

// What is not confirmed is sent to the other.
func TestWhatIsSentToAFrozenPeerGoesToAnotherOfItsName(t *testing.T) {
	amongStrangers(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		got := make(chan string, 10)
		for _, name := range []string{"first", "second"} {
			bob := net.node(name, onBroker, func(cfg *postrider.Config) { cfg.Name = "bob" })
			err := bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
				got <- name
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := alice.Peer("bob").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		frozen := <-got
		net.Mute(frozen)
		if err := alice.Peer("bob").Send(within(t, 15*time.Second), "b"); err != nil {
			t.Fatal(err)
		}
		if another := <-got; another == frozen {
			t.Errorf("%s has it, who is frozen", another)
		}
	})
}

// Nobody else is there: who calls is told, and need not wait for heartbeats. One that goes on is found again.
func TestAFrozenPeerIsDownUntilItGoesOn(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, "here") })
		call := func() error {
			_, err := postrider.Call[string](within(t, 20*time.Second), alice.Peer("bob"), "x")
			return err
		}
		if err := call(); err != nil {
			t.Fatal(err)
		}
		net.Mute("bob")
		fate(t, call(), true)
		if err := call(); !errors.Is(err, postrider.ErrPeerDown) {
			t.Error(err)
		}
		net.Unmute("bob")
		time.Sleep(10 * time.Second)
		if err := call(); err != nil {
			t.Error(err)
		}
	})
}

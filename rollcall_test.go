package postrider_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// wantCards takes as many cards as there are names, which come in any order.
func wantCards(t *testing.T, next func() (postrider.Card, error, bool), names ...string) map[string]postrider.Card {
	t.Helper()
	got := make(map[string]postrider.Card)
	for range names {
		c, err, ok := next()
		if err != nil || !ok {
			t.Fatalf("after %v: %v", got, err)
		}
		got[c.Name] = c
	}
	for _, name := range names {
		if _, ok := got[name]; !ok {
			t.Fatalf("got the cards %v, want those of %v", got, names)
		}
	}
	return got
}

func TestWhoIsThereAnswersAndSoDoesWhoComesLater(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, l := net.broker()
		alice, bob := net.node("alice", strangers), net.node("bob", strangers)
		net.node("carol", strangers)
		next, stop := iter.Pull2(alice.Peers(within(t, time.Minute)))
		defer stop()
		was := wantCards(t, next, "bob", "carol")
		net.node("dave", strangers)
		wantCards(t, next, "dave")
		bob.Close()
		l.cut()
		synctest.Wait()
		elsewhere := net.listen("elsewhere:1")
		net.node("bob", strangers, func(cfg *postrider.Config) { cfg.Listener = elsewhere })
		is := wantCards(t, next, "bob")
		if was["bob"].Addresses[0] != "amqp://bob:1" || is["bob"].Addresses[0] != "amqp://elsewhere:1" {
			t.Errorf("bob was at %v and is at %v", was["bob"].Addresses, is["bob"].Addresses)
		}
		if _, err, more := next(); more {
			t.Errorf("one more: %v", err)
		}
	})
}

// Two nodes of one name are told of each other, and not of themselves.
func TestANamesakeAnswersARollCall(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		var log bytes.Buffer
		bob := net.node("bob", strangers, func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		elsewhere := net.listen("elsewhere:1")
		net.node("bob", strangers, func(cfg *postrider.Config) { cfg.Listener = elsewhere })
		next, stop := iter.Pull2(bob.Peers(within(t, time.Second)))
		defer stop()
		if c := wantCards(t, next, "bob")["bob"]; c.Addresses[0] != "amqp://elsewhere:1" {
			t.Errorf("the other bob is at %v", c.Addresses)
		}
		for range bob.Peers(within(t, time.Second)) { // of whom it is not said again
		}
		synctest.Wait()
		if said := log.String(); strings.Count(said, "another node has this node's name") != 1 || !strings.Contains(said, "at=amqp://elsewhere:1") {
			t.Errorf("the log says %s", said)
		}
		if c, _, more := next(); more {
			t.Errorf("one more: %v", c)
		}
	})
}

// A node that finds another of its name when it starts says so, and where that is; also when the broker comes later.
func TestANamesakeIsNoticedAtTheStart(t *testing.T) {
	for _, late := range []bool{false, true} {
		inMemory(t, func(t *testing.T, net *network) {
			if !late {
				net.broker()
			}
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			logged := func(cfg *postrider.Config) { cfg.Logger = logger }
			net.node("carol", strangers, logged)
			net.node("bob", strangers)
			if late {
				time.Sleep(time.Minute)
				net.broker()
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if said := log.String(); strings.Contains(said, "another node") {
				t.Errorf("the log says %s", said)
			}
			log.Reset()
			elsewhere := net.listen("elsewhere:1")
			net.node("bob", strangers, logged, func(cfg *postrider.Config) { cfg.Listener = elsewhere })
			time.Sleep(time.Minute)
			synctest.Wait()
			if said := log.String(); strings.Count(said, "another node has this node's name") != 1 || !strings.Contains(said, "at=amqp://bob:1") {
				t.Errorf("the log says %s", said)
			}
		})
	}
}

// Of two that start while no broker is there, one at least is told when it comes.
func TestNamesakesThatWaitForTheirBrokerAreNoticed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		logged := func(cfg *postrider.Config) { cfg.Logger = logger }
		net.node("bob", strangers, logged)
		elsewhere := net.listen("elsewhere:1")
		net.node("bob", strangers, logged, func(cfg *postrider.Config) { cfg.Listener = elsewhere })
		time.Sleep(time.Minute)
		net.broker()
		time.Sleep(time.Minute)
		synctest.Wait()
		if said := log.String(); !strings.Contains(said, "another node has this node's name") {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestARollCallSaysWhyNobodyCanBeAsked(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		one := func(ctx context.Context, n *postrider.Node) (err error) {
			count := 0
			for _, err = range n.Peers(ctx) {
				count++
			}
			if count > 1 {
				t.Errorf("%d cards", count)
			}
			return err
		}
		if err := one(t.Context(), net.node("alone")); !errors.Is(err, postrider.ErrNoSuchTarget) {
			t.Error(err)
		}
		alice := net.node("alice", strangers) // whose broker does not run
		if err := one(within(t, time.Second), alice); !errors.Is(err, postrider.ErrPeerDown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		net.broker()
		if err := one(within(t, time.Minute), alice); err != nil { // nobody is there
			t.Error(err)
		}
		alice.Close()
		if err := one(t.Context(), alice); !errors.Is(err, postrider.ErrClosed) {
			t.Error(err)
		}
	})
}

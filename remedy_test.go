package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// The mistakes that are made most: each error names what was wrong, where, and what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq := net.BrokerWith("mq", broker.Config{Users: map[string]string{"app": "secret"}, MaxMessage: 1 << 20})
		if err := mq.PutUser(t.Context(), "little", "x"); err != nil {
			t.Fatal(err)
		}
		if err := mq.SetPermissions(t.Context(), "little", "/", "^$", "^$", "^$"); err != nil {
			t.Fatal(err)
		}
		on := func(name, url string) *postrider.Node {
			return net.node(name, func(cfg *postrider.Config) {
				cfg.Brokers, cfg.OutboxMessages, cfg.OutboxBytes = []string{url}, 3, 3<<20
				cfg.Peers["zoe"] = cfg.Peers["bob"] // who is not zoe
			})
		}
		alice, other, alone := on("alice", "amqp://app:secret@mq:1"), on("other", "amqp://app:secret@mq:1"), net.node("alone")
		net.node("bob", func(cfg *postrider.Config) { cfg.InboxMessages = 1 })
		guesser, stranger, little := on("guesser", "amqp://app:no@mq:1"), on("stranger", "amqp://app:secret@mq:1/no"), on("little", "amqp://little:x@mq:1")
		none := func(context.Context, *postrider.Message) error { return nil }
		send := func(to *postrider.Target, opts ...postrider.SendOption) error {
			return to.Send(within(t, time.Minute), "x", opts...)
		}
		fill := func(to *postrider.Target) {
			for range 3 {
				to.Post(t.Context(), "x")
			}
		}
		started := func(cfg postrider.Config) error {
			n, err := postrider.Start(t.Context(), cfg)
			if err == nil {
				n.Close()
			}
			return err
		}
		for _, c := range []struct {
			what string
			err  func() error
			want []string // in this order
		}{
			{"a listener for all without TLS", func() error { return started(postrider.Config{Name: "n", Listen: ":0"}) },
				[]string{`Config.Listen ":0"`, "set Config.TLS, or listen on 127.0.0.1"}},
			{"headers that are too large", func() error { return send(alice.Mailbox("jobs"), postrider.Header("h", strings.Repeat("x", 70_000))) },
				[]string{"table: more than 65536 octets", "64 KiB of them are allowed"}},
			{"a listener without a port", func() error { return started(postrider.Config{Name: "n", Listen: "127.0.0.1"}) },
				[]string{"Config.Listen", "want host:port, such as 127.0.0.1:5671"}},
			{"a broker that is no URL", func() error { return started(postrider.Config{Name: "n", Brokers: []string{"mq:5672"}}) },
				[]string{"Config.Brokers", "want it as amqp://mq:5672"}},
			{"a directory that is a file", func() error { return started(postrider.Config{Name: "n", Dir: "/dev/null"}) },
				[]string{"Config.Dir", "/dev/null"}},
			{"an unknown peer", func() error { return send(alone.Peer("dan")) }, []string{`"dan" is not in Config.Peers`, "add it there"}},
			{"a peer that nobody knows", func() error { return send(alice.Peer("dan")) },
				[]string{`looking for "dan"`, "see that it runs, listens and uses the same brokers"}},
			{"a peer that is down", func() error { return send(alice.Peer("carol")) }, []string{"peer carol", "carol:1", "see that it runs at that address"}},
			{"a peer of another name", func() error { return send(alice.Peer("zoe")) },
				[]string{"peer zoe", "queue 'bob'", "the node at that address has another name"}},
			{"a wrong password", func() error { return send(guesser.Mailbox("jobs")) },
				[]string{"mailbox jobs", "mq:1", "403", "correct the user and the password"}},
			{"a wrong password for a handler", func() error { return guesser.Handle(t.Context(), guesser.Mailbox("jobs"), none) },
				[]string{"receiving from mailbox jobs", "403", "correct the user and the password"}},
			{"a virtual host that is not there", func() error { return send(stranger.Mailbox("jobs")) },
				[]string{"vhost no not found", "create the virtual host there"}},
			{"no permission", func() error { return send(little.Mailbox("jobs")) }, []string{"refused for user 'little'", "give the user that permission"}},
			{"a queue that is not there", func() error { return send(alice.Peer("amqp://app:secret@mq:1/nothing")) },
				[]string{`queue "nothing" is not there`, "send to a Mailbox"}},
			{"another kind of mailbox", func() error {
				send(alice.Mailbox("plain"))
				return other.Handle(t.Context(), other.Mailbox("plain", postrider.SingleActive()), none)
			}, []string{"mailbox plain", "x-single-active-consumer", "use it as it is"}},
			{"partitions and none", func() error {
				send(alice.Mailbox("whole"))
				return send(alice.Mailbox("whole", postrider.Partitions(3)))
			}, []string{"whole is used without partitions", "with 3"}},
			{"another number of partitions", func() error {
				send(alice.Mailbox("parted", postrider.Partitions(2)))
				return send(alice.Mailbox("parted", postrider.Partitions(3)))
			}, []string{"parted is used with 2", "with 3", "name the number that it has"}},
			{"a message that is too large for the broker", func() error {
				return alice.Mailbox("jobs").Send(within(t, time.Minute), strings.Repeat("x", 2<<20))
			}, []string{"mailbox jobs", "larger than configured max size", "send it in parts", "--max-message"}},
			{"a message that is too large for a partition", func() error {
				return alice.Mailbox("parts", postrider.Partitions(2)).Send(within(t, time.Minute), strings.Repeat("x", 2<<20))
			}, []string{"mailbox parts", "larger than configured max size", "send it in parts"}},
			{"a login without a password", func() error { return started(postrider.Config{Name: "n", Login: "app"}) },
				[]string{"Config.Login", "want user:password"}},
			{"a peer without a name", func() error { return send(alone.Peer("")) }, []string{"the peer's name is empty"}},
			{"a mailbox of a reserved name", func() error { return send(alice.Mailbox("amq.jobs")) },
				[]string{"reserved prefix", "give it another name"}},
			{"a message that is too large for the outbox", func() error {
				return alice.Mailbox("jobs").Send(within(t, time.Minute), strings.Repeat("x", 4<<20))
			}, []string{"mailbox jobs", "does not fit into the outbox", "raise Config.OutboxBytes"}},
			{"a full outbox", func() error {
				fill(alice.Peer("carol"))
				_, err := alice.Peer("carol").Post(t.Context(), "x")
				return err
			}, []string{"peer carol", "raise Config.OutboxMessages"}},
			{"a full inbox", func() error {
				fill(alice.Peer("bob"))
				return send(alice.Peer("bob"))
			}, []string{"peer bob", "raise Config.InboxMessages and Config.InboxBytes there"}},
			{"a call that nobody answers", func() error {
				_, err := postrider.Call[string](within(t, time.Second), alice.Mailbox("idle"), "?")
				return err
			}, []string{"mailbox idle", "may have been delivered", "see that somebody works on it"}},
			{"kept nowhere", func() error { return send(alice.Mailbox("jobs"), postrider.Until(postrider.Kept)) },
				[]string{"mailbox jobs", "set Config.Dir"}},
			{"kept in memory", func() error { return send(alone.Inbox(), postrider.Until(postrider.Kept)) },
				[]string{"inbox of alone", "set Config.Dir"}},
			{"a post that ends when it is kept", func() error {
				_, err := alice.Peer("bob").Post(t.Context(), "x", postrider.Until(postrider.Kept))
				return err
			}, []string{"peer bob", "by WaitFor(ctx, Kept)"}},
			{"control to a mailbox", func() error { return send(alice.Mailbox("jobs"), postrider.Control("x")) },
				[]string{"control messages go to peers, not to mailbox jobs"}},
			{"a long key", func() error { return send(alice.Mailbox("jobs"), postrider.Key(strings.Repeat("k", 256))) },
				[]string{"the Key", "256 bytes", "255 are allowed"}},
			{"a long id", func() error { return send(alice.Mailbox("jobs"), postrider.ID(strings.Repeat("i", 256))) },
				[]string{"the ID", "256 bytes", "255 are allowed"}},
			{"handling what is a peer's", func() error { return alice.Handle(t.Context(), alice.Peer("bob"), none) },
				[]string{"peer bob is received there", "receive from the Inbox"}},
			{"a closed node", func() error { alone.Close(); return send(alone.Inbox()) }, []string{"inbox of alone", "send it from a node that runs"}},
		} {
			err := c.err()
			if err == nil {
				t.Errorf("%s is no error", c.what)
				continue
			}
			var told postrider.Advised
			if errors.As(err, &told) && err.Error() != strings.TrimSuffix(told.Fact()+"; "+told.Advice(), "; ") {
				t.Errorf("%s: %v is not %q and %q", c.what, err, told.Fact(), told.Advice())
			}
			rest, ok := err.Error(), true
			for _, want := range c.want {
				var found bool
				_, rest, found = strings.Cut(rest, want)
				ok = ok && found
			}
			if !ok {
				t.Errorf("%s: %v\nwant %q", c.what, err, c.want)
			}
		}
	})
}

// Names and ids come from anywhere. In the text of an error they break no line and give a terminal no orders, and a URL does not tell its password.
func TestErrorsAreOneLineAndTellNoPassword(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		for name, to := range map[string]*postrider.Target{
			`peer "b\x1b[2Job"`:                   alice.Peer("b\x1b[2Job"),
			`mailbox "a\nb"`:                      alice.Mailbox("a\nb"),
			`topic "a\u202eb"`:                    alice.Topic("a\u202eb"),
			`peer amqp://alice:xxxxx@nowhere:1/b`: alice.Peer("amqp://alice:secret@nowhere:1/b"),
			`peer amqp://alice:xxxxx@[no:1/b`:     alice.Peer("amqp://alice:secret@[no:1/b"),
			"mailbox jørgen's 日本 @home:5/x":       alice.Mailbox("jørgen's 日本 @home:5/x"),
		} {
			err := to.Send(within(t, time.Second), "x", postrider.ID("1\n2"))
			text := fmt.Sprint(err)
			if err == nil {
				text = `message "1\n2" to ` + to.String()
			}
			if !strings.Contains(text, `message "1\n2" to `+name) || strings.ContainsAny(text, "\n\x1b\u202e") || strings.Contains(text, "secret") {
				t.Errorf("%s: %q", name, text)
			}
		}
		if err := alice.Peer("bob").Send(t.Context(), "x", postrider.ID("3\n4")); err != nil {
			t.Fatal(err)
		}
		if err := bob.Shutdown(within(t, time.Minute)); err == nil || !strings.Contains(err.Error(), `("3\n4")`) {
			t.Error(err)
		}
	})
}

// A message that is too large for a peer is refused alone: the connection stays, and with it the calls of others.
func TestNobodyPaysForAMessageThatIsTooLarge(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice"), net.node("bob")
		begun, done := make(chan struct{}), make(chan error)
		bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			close(begun)
			time.Sleep(10 * time.Second)
			return nil
		})
		go func() {
			_, err := postrider.Call[string](t.Context(), alice.Peer("bob"), "a question")
			done <- err
		}()
		<-begun
		large := make([]byte, 16<<20+1)
		fate(t, alice.Peer("bob").Send(t.Context(), large), false, postrider.ErrTooLarge)
		_, err := alice.Peer("bob").Post(t.Context(), large)
		fate(t, err, false, postrider.ErrTooLarge)
		_, err = postrider.Call[string](t.Context(), alice.Peer("bob"), large)
		fate(t, err, false, postrider.ErrTooLarge)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A call that is too large for where it goes is told so, also by who does not say beforehand what he takes.
func TestACallThatIsTooLarge(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.node("bob")
		_, err := postrider.Call[string](t.Context(), net.node("alice").Peer("bob"), make([]byte, 16<<20+1)) // nothing was said yet
		fate(t, err, false, postrider.ErrTooLarge)
		if errors.Is(err, postrider.ErrPeerDown) {
			t.Error(err)
		}
	})
}

// What is larger than what is taken there is ErrTooLarge, as what no outbox takes, and no receiver is taken for another kind of one.
func TestWhatIsTooLargeThereIsErrTooLarge(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq := net.BrokerWith("mq", broker.Config{MaxMessage: 1 << 20})
		alice := net.node("alice", mq.Use)
		net.node("bob")
		for target, size := range map[*postrider.Target]int{
			alice.Mailbox("jobs"):                           1<<20 + 1,
			alice.Mailbox("parts", postrider.Partitions(2)): 1<<20 + 1,
			alice.Peer("bob"):                               16<<20 + 1,
		} {
			err := target.Send(within(t, time.Minute), make([]byte, size))
			if !errors.Is(err, postrider.ErrTooLarge) || errors.Is(err, postrider.ErrPartitions) {
				t.Errorf("%s: %v", target, err)
			}
		}
	})
}

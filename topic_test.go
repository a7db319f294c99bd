package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func TestEveryoneWhoSubscribedGetsACopy(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		prices := producer.Topic("prices")
		if err := prices.Send(t.Context(), "nobody hears it"); err != nil {
			t.Fatal(err)
		}
		one, two := collect(t, worker, worker.Topic("prices")), collect(t, worker, worker.Topic("prices"))
		three := collect(t, producer, prices)
		if err := prices.Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantGrade(t, post(t, prices, "b"), postrider.Stored)
		for _, got := range []<-chan *postrider.Message{one, two, three} {
			if m := wantBody(t, got, "a"); m.To != "prices" || m.From != "alice" {
				t.Errorf("%+v", m)
			}
			wantBody(t, got, "b")
			wantNone(t, got)
		}
	})
}

func TestSubscribersChooseByKey(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		eu := collect(t, worker, worker.Topic("prices", postrider.Matching("eu.*", "world.#")))
		all := collect(t, worker, worker.Topic("prices"))
		for _, key := range []string{"eu.dax", "us.dow", "eu.dax.hourly", "world.a.b"} {
			if err := producer.Topic("prices").Send(t.Context(), key, postrider.Key(key)); err != nil {
				t.Fatal(err)
			}
			if m := wantBody(t, all, key); m.Key() != key {
				t.Errorf("key %q, want %q", m.Key(), key)
			}
		}
		wantBody(t, eu, "eu.dax")
		wantBody(t, eu, "world.a.b")
		wantNone(t, eu)
	})
}

// What other programs publish has its routing key as its Key: what subscribers choose by, they see, in each of its tries and when it is dead.
func TestTheRoutingKeyOfOtherProgramsIsTheKey(t *testing.T) {
	for at, change := range map[string]func(*postrider.Config){
		"alice": func(cfg *postrider.Config) { cfg.ShareMailboxes = true },
		"mq":    onBroker,
	} {
		for name, opts := range map[string][]postrider.TopicOption{"passing": nil, "durable": {postrider.Durable("audit")}} {
			t.Run(at+" "+name, func(t *testing.T) {
				inMemory(t, func(t *testing.T, net *network) {
					net.broker()
					alice := net.node("alice", change)
					topic := alice.Topic("prices", append(opts, postrider.Matching("eu.*"))...)
					keys := make(chan string, 2)
					err := alice.Handle(t.Context(), topic, func(_ context.Context, m *postrider.Message) error {
						keys <- fmt.Sprintf("%s of %s, %v", m.Key(), m.Body, m.Header("a"))
						return errors.New("no")
					}, postrider.MaxTries(2))
					if err != nil {
						t.Fatal(err)
					}
					dead := collect(t, alice, topic.Dead())
					publish := func(p amqp.Properties, body, want string) {
						t.Helper()
						publishVia(t, "amqp://"+at+":1", net.Dialer("application"), p, "prices", "eu.dax", body)
						for range 2 {
							if got := <-keys; got != want {
								t.Errorf("%s, want %s", got, want)
							}
						}
						if m := wantBody(t, dead, body); !strings.HasPrefix(want, m.Key()+" of ") {
							t.Errorf("the dead letter's key is %q", m.Key())
						}
					}
					publish(amqp.Properties{}, "plain", "eu.dax of plain, <nil>")
					publish(amqp.Properties{Headers: amqp.Table{"a": "b"}}, "headed", "eu.dax of headed, b")
					publish(amqp.Properties{Headers: amqp.Table{"x-postrider-key": "own"}}, "ours", "own of ours, <nil>")
				})
			})
		}
	}
}

func TestADurableSubscriptionKeepsWhatComesMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		audit := worker.Topic("prices", postrider.Durable("audit"))
		ctx, leave := context.WithCancel(t.Context())
		if err := worker.Handle(ctx, audit, func(context.Context, *postrider.Message) error { return nil }); err != nil {
			t.Fatal(err)
		}
		leave()
		synctest.Wait()
		post(t, producer.Topic("prices"), "a")
		post(t, producer.Topic("prices"), "b")
		time.Sleep(time.Hour)
		one := collect(t, worker, audit)
		wantBody(t, one, "a")
		wantBody(t, one, "b")
	})
}

func TestASubscriptionComesBackWithItsConnection(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, mq := net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		got := collect(t, bob, bob.Topic("prices"))
		post(t, alice.Topic("prices"), "a")
		wantBody(t, got, "a")
		mq.cut()
		time.Sleep(time.Minute)
		post(t, alice.Topic("prices"), "b")
		wantBody(t, got, "b")
	})
}

// Who deletes a topic's exchange takes its bindings along. Subscribers bind their queues again, also where another has made the exchange again meanwhile.
func TestASubscriptionOutlivesItsExchange(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, mq *broker.Broker){
		"gone":              func(*testing.T, *broker.Broker) {},
		"made again":        func(t *testing.T, mq *broker.Broker) { declares(t, mq, "prices") },
		"gone with a queue": func(t *testing.T, mq *broker.Broker) { deletes(t, mq, "prices.audit") },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				mq, _ := net.broker()
				alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
				all := []<-chan *postrider.Message{
					collect(t, bob, bob.Topic("prices")),
					collect(t, bob, bob.Topic("prices", postrider.Matching("eu.*", "us.*"))),
					collect(t, bob, bob.Topic("prices", postrider.Durable("audit"))),
				}
				for range 2 {
					deletesExchange(t, mq, "prices")
					change(t, mq)
					time.Sleep(11 * time.Second)
					if err := alice.Topic("prices").Send(t.Context(), "a", postrider.Key("us.dow")); err != nil {
						t.Fatal(err)
					}
					for _, got := range all {
						wantBody(t, got, "a")
						wantNone(t, got)
					}
				}
			})
		})
	}
}

func deletesExchange(t *testing.T, mq *broker.Broker, name string) {
	t.Helper()
	c, err := mq.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.DeleteExchange(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func declares(t *testing.T, mq *broker.Broker, exchange string) {
	t.Helper()
	c, err := mq.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: exchange, Kind: "topic", Durable: true}); err != nil {
		t.Fatal(err)
	}
}

func TestASubscriptionEndsWithItsHandling(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		alice := net.node("alice", onBroker)
		ctx, leave := context.WithCancel(t.Context())
		err := alice.Handle(ctx, alice.Topic("prices"), func(context.Context, *postrider.Message) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if n := bindings(t, b); n != 1 {
			t.Errorf("%d queues take part, want 1", n)
		}
		leave()
		time.Sleep(time.Minute)
		if n := bindings(t, b); n != 0 {
			t.Errorf("%d queues take part, want none", n)
		}
	})
}

// bindings counts the queues that a message to the topic prices goes to: none is an error of a mandatory one.
func bindings(t *testing.T, b *broker.Broker) int {
	t.Helper()
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	confirmed := make(chan error, 1)
	p := &broker.Publishing{Exchange: "prices", Mandatory: true}
	if err := c.Publish(p, confirms(confirmed)); err != nil {
		t.Fatal(err)
	}
	if err := <-confirmed; errors.Is(err, broker.ErrUnroutable) {
		return 0
	}
	return 1
}

type confirms chan error

func (c confirms) Confirmed(err error) { c <- err }

func TestWhatFailedIsTriedAgainInItsOwnSubscription(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprint("durable ", durable), func(t *testing.T) {
			onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
				topic := worker.Topic("prices")
				if durable {
					topic = worker.Topic("prices", postrider.Durable("audit"))
				}
				seen := failing(t, worker, topic, func(*postrider.Message, int) error { return errors.New("never") }, postrider.MaxTries(3))
				other := collect(t, worker, worker.Topic("prices"))
				post(t, producer.Topic("prices"), "a")
				wantSeen(t, seen, "a after 0s, 0 failures", "a after 100ms, 1 failures", "a after 400ms, 2 failures")
				m := wantBody(t, collect(t, worker, topic.Dead()), "a")
				if f, _ := m.Failure(); f.Tries != 3 || f.Reason != "never" {
					t.Errorf("%+v", f)
				}
				wantBody(t, other, "a")
				wantNone(t, other)
			})
		})
	}
}

func TestACallToATopic(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		_, err := postrider.Call[string](t.Context(), producer.Topic("who"), "is there?")
		fate(t, err, false, postrider.ErrNoSuchTarget)
		if err == nil || !strings.Contains(err.Error(), `nobody receives from topic "who"; see that somebody does`) {
			t.Error(err)
		}
		err = worker.Handle(t.Context(), worker.Topic("who"), func(ctx context.Context, m *postrider.Message) error {
			return m.Reply(ctx, worker.Name())
		})
		if err != nil {
			t.Fatal(err)
		}
		name, err := postrider.Call[string](t.Context(), producer.Topic("who"), "is there?")
		if err != nil || name != worker.Name() {
			t.Error(name, err)
		}
	})
}

// Where nobody has subscribed nobody will ever have handled it, which its sender learns at once.
func TestASendToATopicUntilSomebodyHasHandledIt(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		news := producer.Topic("news")
		fate(t, news.Send(t.Context(), "x", untilHandled), false, postrider.ErrNoSuchTarget)
		_, err := post(t, news, "x", untilHandled).Wait(t.Context())
		fate(t, err, false, postrider.ErrNoSuchTarget)
		got := collect(t, worker, worker.Topic("news"))
		if err := news.Send(t.Context(), "y", untilHandled); err != nil {
			t.Error(err)
		}
		wantGrade(t, post(t, news, "z", untilHandled), postrider.Handled)
		wantBody(t, got, "y")
		wantBody(t, got, "z")
	})
}

func TestANodeThatClosesLetsGoOfWhatItHolds(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		seen := failing(t, alice, alice.Topic("prices"), func(*postrider.Message, int) error { return errors.New("never") },
			postrider.Backoff(func(int) time.Duration { return time.Hour }))
		post(t, alice.Topic("prices"), "a")
		wantSeen(t, seen, "a after 0s, 0 failures")
		synctest.Wait()
		if err := alice.Shutdown(within(t, time.Minute)); err != nil {
			t.Error(err)
		}
	})
}

func TestTopicsOnRabbitMQ(t *testing.T) {
	alice, bob := rabbit(t, "alice"), rabbit(t, "bob")
	name := fresh(t)
	if err := alice.Topic(name).Send(soon(t), "nobody"); err != nil {
		t.Fatal(err)
	}
	all := collect(t, bob, bob.Topic(name))
	eu := collect(t, bob, bob.Topic(name, postrider.Matching("eu.*")))
	audit := collect(t, bob, bob.Topic(name, postrider.Durable("audit")))
	for _, key := range []string{"eu.a", "us.b"} {
		if err := alice.Topic(name).Send(soon(t), key, postrider.Key(key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range []<-chan *postrider.Message{all, audit} {
		wantBody(t, got, "eu.a")
		wantBody(t, got, "us.b")
	}
	wantBody(t, eu, "eu.a")
	publishVia(t, os.Getenv("POSTRIDER_RABBITMQ"), nil, amqp.Properties{}, name, "eu.c", "of another program")
	for _, got := range []<-chan *postrider.Message{all, audit, eu} {
		if m := wantBody(t, got, "of another program"); m.Key() != "eu.c" {
			t.Errorf("its key is %q", m.Key())
		}
	}
}

// Two subscriptions are one only where all that was asked for is the same.
func TestSubscriptionsAreToldApart(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		if alice.Topic("prices", postrider.Matching("a", "b")) == alice.Topic("prices", postrider.Matching("a\nb")) {
			t.Error("a key with a new line in it is two keys")
		}
		unnamed := alice.Topic("prices", postrider.Durable("")) // a setting that is missing, say: it would keep nothing
		if err := unnamed.Send(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "the subscription's name is empty") {
			t.Error(err)
		}
		if err := alice.Topic("prices").Send(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}

package behaviour

import (
	"context"
	"errors"
	"slices"

	"github.com/postrider-mq/postrider"
)

func everySubscriberGetsACopy(w *World) {
	alice, bob := w.Pair()
	name := w.Unique("prices")
	prices := alice.Topic(name)
	w.Send(prices, "nobody hears it")
	w.Fate(prices.Send(w.Soon(), "nobody handles it", postrider.Until(postrider.Handled)), false, postrider.ErrNoSuchTarget)
	one, two := w.Collect(bob, bob.Topic(name)), w.Collect(bob, bob.Topic(name))
	eu := w.Collect(bob, bob.Topic(name, postrider.Matching("eu.*", "world.#")))
	three := w.Collect(alice, prices)
	sent := []string{"eu.dax", "us.dow", "eu.dax.hourly", "world.a.b"}
	for _, key := range sent {
		w.Send(prices, key, postrider.Key(key))
	}
	w.Grade(w.Post(prices, "the last", postrider.Key("world")), postrider.Stored)
	for _, got := range []<-chan *postrider.Message{one, two, three} {
		if m := w.Want(got, append(slices.Clone(sent), "the last")...); m.To != name || m.From != "alice" || m.Key() != "world" {
			w.Errorf("%+v", m)
		}
	}
	w.Want(eu, "eu.dax", "world.a.b", "the last")
}

// aSubscriptionThatIsKept has what came while nobody received, and brings back what failed to itself alone.
func aSubscriptionThatIsKept(w *World) {
	alice, bob := w.Pair()
	name := w.Unique("prices")
	audit := bob.Topic(name, postrider.Durable("audit"))
	other := w.Collect(bob, bob.Topic(name))
	got := make(chan *postrider.Message, 100)
	receive := func() (leave func()) {
		ctx, leave := context.WithCancel(w.Context())
		err := bob.Handle(ctx, audit, func(_ context.Context, m *postrider.Message) error {
			got <- m
			if _, failed := m.Failure(); string(m.Body) == "bad" && !failed {
				return errors.New("not now")
			}
			return nil
		}, postrider.Backoff(quickly))
		if err != nil {
			w.Fatal(err)
		}
		return leave
	}
	leave := receive()
	w.Send(alice.Topic(name), "a")
	w.Want(got, "a")
	leave()
	w.Send(alice.Topic(name), "b")
	w.Cleanup(receive())
	w.Want(got, "b")
	w.Send(alice.Topic(name), "bad")
	w.Want(got, "bad", "bad")
	w.Want(other, "a", "b", "bad")
	w.Last(alice.Topic(name), other)
}

func manyAreAskedAtOnce(w *World) {
	nodes := w.Nodes("alice", "bob", "carol")
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	for _, n := range []*postrider.Node{bob, carol} {
		w.Handle(n, n.Inbox(), answering)
	}
	worker := bob
	if len(w.Brokers) == 0 {
		worker = alice
	}
	asks := alice.Mailbox(w.Unique("asks"))
	w.Handle(worker, worker.Mailbox(asks.Name()), answering)
	asked := []*postrider.Target{alice.Peer("bob"), alice.Peer("carol"), asks}
	answers := 0
	for answer, err := range postrider.Gather[double](w.Soon(), asked, question{21}) {
		if err != nil || answer.Number != 42 {
			w.Error(answer, err)
		}
		answers++
	}
	failures := 0
	for _, err := range postrider.Gather[double](w.Soon(), asked, question{0}) {
		w.Remote(err, 500, "nothing asked")
		var which *postrider.GatherError
		if !errors.As(err, &which) || !slices.Contains(asked, which.Target) {
			w.Error(err)
		}
		failures++
	}
	if answers != len(asked) || failures != len(asked) {
		w.Errorf("%d answers and %d failures of %d", answers, failures, len(asked))
	}
}

// aPeerIsFound through the broker that both use, and what is sent to it while it is away waits there if the sender likes.
func aPeerIsFound(w *World) {
	unknown := func(cfg *postrider.Config) { cfg.Peers, cfg.Relay = nil, true }
	bobs := w.Unique("bob")
	alice := w.Node(w.Unique("alice"), unknown)
	bob := w.Node(bobs, unknown)
	got := w.Collect(bob, bob.Inbox())
	w.Send(alice.Peer(bobs), "a")
	if m := w.Want(got, "a"); m.From != alice.Name() || m.To != bobs {
		w.Errorf("%+v", m)
	}
	bob.Close()
	to := w.Node(w.Unique("carol"), unknown).Peer(bobs, postrider.Relay())
	w.Send(to, "b")
	r := w.Post(to, "c")
	w.Grade(r, postrider.Stored)
	if !r.Relayed() {
		w.Error("it was not relayed to a peer that is away")
	}
	bob = w.Node(bobs, unknown)
	w.Want(w.Collect(bob, bob.Inbox()), "b", "c")
}

package behaviour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/postrider-mq/postrider"
)

func aRepeatIsHandledOnce(w *World) {
	alice, bob := w.Pair()
	jobs := alice.Mailbox(w.Unique("jobs"))
	got := w.Collect(bob, bob.Mailbox(jobs.Name()))
	w.Send(jobs, "a", postrider.ID("order 7"))
	w.Send(jobs, "a", postrider.ID("order 7"))
	w.Send(jobs, "b", postrider.ID("order 8"))
	w.Send(jobs, "a", postrider.ID("order 7"))
	w.Want(got, "a", "b")
	w.Last(jobs, got)
}

// inHand has bob hold message "a" while his connections break.
func (w *World) inHand() (alice, bob *postrider.Node, jobs string, in <-chan *postrider.Message, out chan<- error) {
	alice, bob = w.Pair()
	jobs = w.Unique("jobs")
	messages, fates := make(chan *postrider.Message, 10), make(chan error)
	w.Handle(bob, bob.Mailbox(jobs), func(ctx context.Context, m *postrider.Message) error {
		messages <- m
		select {
		case err := <-fates:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	w.Send(alice.Mailbox(jobs), "a")
	if m := w.Want(messages, "a"); m.Redelivered {
		w.Error("redelivered the first time")
	}
	w.Cut()
	return alice, bob, jobs, messages, fates
}

func inHandWhenTheConnectionBreaks(w *World) {
	alice, _, jobs, in, out := w.inHand()
	w.Send(alice.Mailbox(jobs), "b")
	out <- nil // too late for the broker, which delivers the message again
	w.Want(in, "b")
	out <- errors.New("not now")
	if m := w.Want(in, "b"); !m.Redelivered {
		w.Error("not marked redelivered")
	}
	out <- nil
}

func inHandOfANodeThatCloses(w *World) {
	_, bob, jobs, _, _ := w.inHand()
	bob.Close()
	carol := w.Node("carol")
	if m := w.Want(w.Collect(carol, carol.Mailbox(jobs)), "a"); !m.Redelivered {
		w.Error("not marked redelivered")
	}
}

// connectionsThatBreakAllTheTime: each cut takes topology, consumers, confirms and acknowledgements along.
func connectionsThatBreakAllTheTime(w *World) {
	alice, bob := w.Pair()
	jobs := alice.Mailbox(w.Unique("jobs"))
	w.broken(jobs, w.Collect(bob, bob.Mailbox(jobs.Name())))
}

func aPeerThatBreaksAllTheTime(w *World) {
	nodes := w.Nodes("alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.broken(alice.Peer("bob"), w.Collect(bob, bob.Inbox()))
}

// broken posts while connections break, and wants all of it once and in order.
func (w *World) broken(to *postrider.Target, got <-chan *postrider.Message) {
	const rounds, each = 8, 50
	var receipts []*postrider.Receipt
	for round := range rounds {
		for i := range each {
			receipts = append(receipts, w.Post(to, fmt.Sprint(round*each+i)))
		}
		if _, err := receipts[round*each].Wait(w.Soon()); err != nil {
			w.Fatal(err)
		}
		w.Cut()
	}
	for i := range rounds * each {
		w.Want(got, fmt.Sprint(i))
	}
	for _, r := range receipts {
		if _, err := r.Wait(w.Soon()); err != nil {
			w.Error(err)
		}
	}
	w.Last(to, got)
}

func theNextBrokerOfAList(w *World) {
	gone, err := w.Listen("gone")
	if err != nil {
		w.Fatal(err)
	}
	gone.Close()
	alice := w.Node("alice", func(cfg *postrider.Config) {
		cfg.Brokers = slices.Insert(slices.Clone(w.Brokers), 0, "amqp://"+gone.Addr().String())
	})
	jobs := alice.Mailbox(w.Unique("jobs"))
	got := w.Collect(alice, jobs)
	w.Send(jobs, "a")
	w.Cut()
	w.Send(jobs, "b")
	w.Want(got, "a", "b")
}

func whoWaitsForAPeer(w *World) {
	nodes := w.Nodes("alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.Send(bob.Peer("alice"), "a")
	w.Send(alice.Peer("bob"), "so that alice is connected")
	seen := 0
	for m, err := range alice.Messages(w.Soon(), postrider.From("bob")) {
		if err == nil {
			seen++
			m.Ack()
			bob.Close()
			continue
		}
		if !errors.Is(err, postrider.ErrPeerDown) {
			w.Error(err)
		}
	}
	if seen != 1 {
		w.Errorf("%d messages of bob", seen)
	}
}

func shutdownDeliversAndFinishes(w *World) {
	alice, bob := w.Pair()
	jobs := alice.Mailbox(w.Unique("jobs"))
	begun, finished := make(chan struct{}), make(chan struct{})
	w.Handle(bob, bob.Mailbox(jobs.Name()), func(context.Context, *postrider.Message) error {
		close(begun)
		<-finished
		return nil
	})
	w.Cut()
	r := w.Post(jobs, "a")
	if err := alice.Shutdown(w.Soon()); err != nil {
		w.Fatal(err)
	}
	w.Grade(r, postrider.Stored)
	Next(w, begun, "what was posted")
	ended := make(chan error, 1)
	go func() { ended <- bob.Shutdown(w.Soon()) }()
	close(finished)
	if err := Next(w, ended, "the end of the shutdown"); err != nil {
		w.Error(err)
	}
	carol := w.Node("carol")
	got := w.Collect(carol, carol.Mailbox(jobs.Name()))
	w.Last(carol.Mailbox(jobs.Name()), got) // "a" was settled before bob went
}

// whatWasPostedOutlivesItsNode: with a directory, posts that reached no broker are sent on by the node's next life.
func whatWasPostedOutlivesItsNode(w *World) {
	dir, reachable := w.TempDir(), false
	life := func() *postrider.Node {
		return w.Node("alice", func(cfg *postrider.Config) {
			cfg.Dir = dir
			if !reachable {
				cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }
			}
		})
	}
	alice, name := life(), w.Unique("jobs")
	var receipts []*postrider.Receipt
	for i := range 20 {
		receipts = append(receipts, w.Post(alice.Mailbox(name), fmt.Sprint(i)))
	}
	if err := receipts[19].WaitFor(w.Soon(), postrider.Kept); err != nil || receipts[0].Grade() != postrider.Kept {
		w.Error(receipts[0].Grade(), err)
	}
	alice.Close()
	w.Fate(receipts[0].Err(), false, postrider.ErrClosed)
	reachable = true
	alice = life()
	w.Send(alice.Mailbox(name), "the next life")
	got := w.Collect(alice, alice.Mailbox(name))
	for i, r := range receipts {
		if m := w.Want(got, fmt.Sprint(i)); m.ID != r.ID() {
			w.Errorf("id %s, want %s", m.ID, r.ID())
		}
	}
	w.Want(got, "the next life")
}

func closeEndsEverything(w *World) {
	silent, err := w.Listen("silent")
	if err != nil {
		w.Fatal(err)
	}
	defer silent.Close() // it accepts, or not, and never says anything
	alice := w.Node("alice", func(cfg *postrider.Config) { cfg.Peers["silent"] = silent.Addr().String() })
	jobs := alice.Mailbox(w.Unique("jobs"))
	ends := make(chan error, 10)
	waiting := func(what func() error) { go func() { ends <- what() }() }
	waiting(func() error { return alice.Peer("silent").Send(w.Soon(), "x") })
	waiting(func() error {
		_, err := postrider.Call[string](w.Soon(), alice.Peer("silent"), "x")
		return err
	})
	waiting(func() error {
		for _, err := range alice.Messages(w.Soon(), postrider.Of(jobs)) {
			return err
		}
		return nil
	})
	r := w.Post(alice.Peer("silent"), "x")
	w.Send(alice.Mailbox(w.Unique("others")), "so that the others have begun")
	began := time.Now()
	alice.Close()
	for range 3 {
		if err := Next(w, ends, "the end of a call"); !errors.Is(err, postrider.ErrClosed) {
			w.Error(err)
		}
	}
	if _, err := r.Wait(w.Soon()); !errors.Is(err, postrider.ErrClosed) {
		w.Error(err)
	}
	w.Fate(jobs.Send(w.Soon(), "x"), false, postrider.ErrClosed)
	if _, err := jobs.Post(w.Soon(), "x"); !errors.Is(err, postrider.ErrClosed) {
		w.Error(err)
	}
	if time.Since(began) > w.Patience {
		w.Error("it took longer than patience lasts")
	}
}

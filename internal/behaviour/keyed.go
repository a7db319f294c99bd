package behaviour

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
)

var four = postrider.Partitions(4)

func (w *World) parted(n *postrider.Node, name string) *postrider.Target {
	return n.Mailbox(name, four)
}

// keys are more than there are partitions.
const keys = 8

func key(k int) string { return fmt.Sprint("key ", k) }

// round posts one more message of each key.
func (w *World) round(to *postrider.Target, number int) {
	w.Helper()
	for k := range keys {
		w.Post(to, fmt.Sprint(number), postrider.Key(key(k)))
	}
}

// roll is what was handled of each key, and by whom.
type roll struct {
	w *World

	mu      sync.Mutex
	next    map[string]int // by key
	busy    map[string]bool
	by      map[string]int // by worker
	handled chan struct{}
}

func newRoll(w *World) *roll {
	return &roll{w: w, next: map[string]int{}, busy: map[string]bool{}, by: map[string]int{}, handled: make(chan struct{}, 100000)}
}

// handler is one of a worker. It has before called while the message is in hand, and counts the message unless the handling was stopped.
func (r *roll) handler(worker string, before func(ctx context.Context, m *postrider.Message)) postrider.Handler {
	return func(ctx context.Context, m *postrider.Message) error {
		r.begin(m.Key())
		before(ctx, m)
		return r.end(ctx, worker, m)
	}
}

func (r *roll) begin(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[key] {
		r.w.Errorf("two messages of %s are handled at once", key)
	}
	r.busy[key] = true
}

func (r *roll) end(ctx context.Context, worker string, m *postrider.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[m.Key()] = false
	if err := ctx.Err(); err != nil {
		return err
	}
	if number := r.next[m.Key()]; string(m.Body) != fmt.Sprint(number) {
		r.w.Errorf("%s: %s was handled by %s, want %d", m.Key(), m.Body, worker, number)
	}
	r.next[m.Key()]++
	r.by[worker]++
	r.handled <- struct{}{}
	return nil
}

// wait waits until so many more were handled, and returns by whom all were.
func (r *roll) wait(more int) map[string]int {
	r.w.Helper()
	for range more {
		Next(r.w, r.handled, "one more handled message")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.by)
}

// effort takes a moment.
func effort(ctx context.Context, _ *postrider.Message) {
	select {
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
	}
}

// keysInOrderAndAtTheSameTime has one message of each key in hand at once, which takes several at a time.
func keysInOrderAndAtTheSameTime(w *World) {
	alice, bob := w.Pair()
	name, r := w.Unique("jobs"), newRoll(w)
	var first sync.WaitGroup
	first.Add(keys)
	together := func(ctx context.Context, m *postrider.Message) {
		if string(m.Body) == "0" {
			first.Done()
			first.Wait()
		}
	}
	const each = 10
	for number := range each {
		w.round(w.parted(alice, name), number)
	}
	w.Handle(bob, w.parted(bob, name), r.handler("bob", together), postrider.Workers(keys))
	r.wait(keys * each)
}

// workersOfPartitionsComeAndGo: by leaving, and by closing with messages in hand.
func workersOfPartitionsComeAndGo(w *World) {
	name, r := w.Unique("jobs"), newRoll(w)
	jobs := w.parted(w.Node("alice"), name)
	number := 0
	// rounds posts until a round of messages was handled by those alone.
	rounds := func(who ...string) {
		w.Helper()
		for before := r.wait(0); ; {
			w.round(jobs, number)
			number++
			now := r.wait(keys)
			var worked []string
			for name, n := range now {
				if n > before[name] {
					worked = append(worked, name)
				}
			}
			slices.Sort(worked)
			if slices.Equal(worked, who) {
				return
			}
			before = now
			if number > 2000 {
				w.Fatalf("%d rounds, the last by %v, and not by %v", number, worked, who)
			}
		}
	}
	work := func(who string, before func(context.Context, *postrider.Message)) (n *postrider.Node, leave func()) {
		n = w.Node(who)
		ctx, leave := context.WithCancel(w.Context())
		w.Cleanup(leave)
		if err := n.Handle(ctx, w.parted(n, name), r.handler(who, before), postrider.Workers(keys)); err != nil {
			w.Fatal(err)
		}
		return n, leave
	}
	_, leaveBob := work("bob", effort)
	rounds("bob")
	var holds atomic.Bool
	inHand := make(chan struct{}, keys)
	carol, _ := work("carol", func(ctx context.Context, m *postrider.Message) {
		if !holds.Load() {
			effort(ctx, m)
			return
		}
		inHand <- struct{}{}
		<-ctx.Done()
	})
	rounds("bob", "carol")
	leaveBob()
	rounds("carol")
	holds.Store(true)
	w.round(jobs, number)
	for range keys {
		Next(w, inHand, "a message that carol holds")
	}
	carol.Close()
	work("dave", effort)
	if by := r.wait(keys); by["dave"] != keys {
		w.Errorf("after carol had gone: %v", by)
	}
}

// aFailureHoldsBackItsKeyAlone: until it is handled, or a dead letter.
func aFailureHoldsBackItsKeyAlone(w *World) {
	alice, bob := w.Pair()
	one := postrider.Partitions(1) // so that they wait in one queue
	jobs, at := alice.Mailbox(w.Unique("jobs"), one), bob
	var mended atomic.Bool
	done := make(chan *postrider.Message, 10)
	w.Handle(at, at.Mailbox(jobs.Name(), one), func(_ context.Context, m *postrider.Message) error {
		switch {
		case string(m.Body) == "bad" && !mended.Load():
			return errors.New("not now")
		case string(m.Body) == "hopeless":
			return postrider.Reject(errors.New("cannot be read"))
		}
		done <- m
		return nil
	}, postrider.MaxTries(0), postrider.Backoff(quickly))
	send := func(key, body string) { w.Send(jobs, body, postrider.Key(key)) }
	send("a", "bad")
	send("a", "behind it")
	send("b", "of another key")
	w.Want(done, "of another key")
	mended.Store(true)
	w.Want(done, "bad", "behind it")
	send("a", "hopeless")
	send("a", "goes on")
	w.Want(done, "goes on")
	dead := w.Want(w.Collect(at, at.Mailbox(jobs.Name(), one).Dead()), "hopeless")
	if f, _ := dead.Failure(); f.Reason != "cannot be read" || dead.Key() != "a" {
		w.Errorf("%+v of key %q", f, dead.Key())
	}
}

func aMailboxHasOneNumberOfPartitions(w *World) {
	alice, bob := w.Pair()
	name := w.Unique("jobs")
	w.Send(w.parted(alice, name), "a", postrider.Key("k"))
	three := bob.Mailbox(name, postrider.Partitions(3))
	w.Fate(three.Send(w.Soon(), "b"), false, postrider.ErrPartitions)
	err := bob.Handle(w.Context(), three, func(context.Context, *postrider.Message) error { return nil })
	if !errors.Is(err, postrider.ErrPartitions) {
		w.Error(err)
	}

	carol, plain := bob, w.Unique("plain")
	if len(w.Brokers) > 0 { // bob has named a number
		carol = w.Node("carol")
	}
	whole := carol.Mailbox(name)
	w.Fate(whole.Send(w.Soon(), "c"), false, postrider.ErrPartitions)
	err = carol.Handle(w.Context(), whole, func(context.Context, *postrider.Message) error { return nil })
	if !errors.Is(err, postrider.ErrPartitions) || len(w.Brokers) > 0 && !strings.Contains(err.Error(), "has 4 partitions") {
		w.Error(err)
	}
	w.Send(bob.Mailbox(plain), "d")
	w.Fate(w.parted(carol, plain).Send(w.Soon(), "e"), false, postrider.ErrPartitions)
}

// oneReceiverAtATime keeps the order when the next one follows.
func oneReceiverAtATime(w *World) {
	name := w.Unique("jobs")
	jobs := w.Node("alice").Mailbox(name, postrider.SingleActive())
	bob, carol := w.Node("bob"), w.Node("carol")
	holds, inHand := make(chan struct{}), make(chan struct{}, 1)
	w.Handle(bob, bob.Mailbox(name, postrider.SingleActive()), func(ctx context.Context, m *postrider.Message) error {
		inHand <- struct{}{}
		select {
		case <-holds:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	got := w.Collect(carol, carol.Mailbox(name, postrider.SingleActive()))
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint(i))
		w.Send(jobs, want[i])
	}
	Next(w, inHand, "the first at bob")
	select {
	case m := <-got:
		w.Errorf("carol got %s beside bob", m.Body)
	default:
	}
	bob.Close()
	w.Want(got, want...)
}

package behaviour

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
)

func theFourWays(w *World) {
	nodes := w.Nodes("alice", "bob")
	alice, bob := nodes[0], nodes[1]
	inbox := w.Collect(bob, bob.Inbox())
	worker := bob
	if len(w.Brokers) == 0 {
		worker = alice
	}
	jobs := alice.Mailbox(w.Unique("jobs"))
	mail := w.Collect(worker, worker.Mailbox(jobs.Name()))

	w.Send(alice.Peer("bob"), "direct, waiting", postrider.ID("m-1"))
	w.Grade(w.Post(alice.Peer("bob"), "direct"), postrider.Received)
	w.Send(jobs, "through a mailbox, waiting", postrider.ID("m-2"))
	w.Grade(w.Post(jobs, "through a mailbox"), postrider.Stored)

	m := w.Want(inbox, "direct, waiting")
	if m.ID != "m-1" || m.From != "alice" || m.To != "bob" || m.ContentType != postrider.TypeText || m.Redelivered || m.WantsReply() {
		w.Errorf("%+v", m)
	}
	w.Want(inbox, "direct")
	m = w.Want(mail, "through a mailbox, waiting")
	if m.ID != "m-2" || m.From != "alice" || m.To != jobs.Name() || m.ContentType != postrider.TypeText || m.Redelivered || m.WantsReply() {
		w.Errorf("%+v", m)
	}
	w.Want(mail, "through a mailbox")
}

func aMailboxKeepsMessages(w *World) {
	alice, bob := w.Pair()
	jobs := alice.Mailbox(w.Unique("jobs"))
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint(i))
		w.Send(jobs, want[i])
	}
	for i := range 100 {
		want = append(want, fmt.Sprint(100+i))
		defer w.Grade(w.Post(jobs, want[100+i]), postrider.Stored)
	}
	got := w.Collect(bob, bob.Mailbox(jobs.Name()))
	w.Want(got, want...)
	w.Last(jobs, got)
}

func workersShareAMailbox(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	var now atomic.Int32
	together, done := make(chan struct{}), make(chan string, 100)
	w.Handle(bob, jobs, func(ctx context.Context, m *postrider.Message) error {
		if now.Add(1) == 5 {
			close(together)
		}
		select {
		case <-together:
		case <-ctx.Done():
		}
		done <- string(m.Body)
		return nil
	}, postrider.Workers(5))
	seen := map[string]bool{}
	for i := range 20 {
		w.Post(alice.Mailbox(jobs.Name()), fmt.Sprint(i))
	}
	for range 20 {
		seen[Next(w, done, "a message")] = true
	}
	if len(seen) != 20 {
		w.Errorf("%d different messages of 20", len(seen))
	}
}

func aLoopOverAMailbox(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	for _, body := range []string{"a", "b", "c"} {
		w.Send(alice.Mailbox(jobs.Name()), body)
	}
	first := func() *postrider.Message {
		for m, err := range bob.Messages(w.Soon(), postrider.Of(jobs)) {
			if err != nil {
				w.Fatal(err)
			}
			return m
		}
		return nil
	}
	a, b, c := first(), first(), first()
	if string(a.Body)+string(b.Body)+string(c.Body) != "abc" {
		w.Errorf("%q, %q, %q", a.Body, b.Body, c.Body)
	}
	a.Ack() // after the loop
	c.Ack()
	b.Requeue()
	again := first()
	if string(again.Body) != "b" || !again.Redelivered {
		w.Errorf("then %q, redelivered %v", again.Body, again.Redelivered)
	}
	again.Ack()
}

func handlingEndsAndGivesBackTheRest(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	ctx, stop := context.WithCancel(w.Context())
	defer stop()
	begun := make(chan string, 10)
	err := bob.Handle(ctx, jobs, func(ctx context.Context, m *postrider.Message) error {
		begun <- string(m.Body)
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		w.Fatal(err)
	}
	for _, body := range []string{"a", "b", "c"} {
		w.Send(alice.Mailbox(jobs.Name()), body)
	}
	Next(w, begun, "a")
	stop()
	got, missing := w.Collect(bob, jobs), map[string]bool{"a": true, "b": true, "c": true}
	for len(missing) > 0 {
		m := Next(w, got, "the rest")
		if !missing[string(m.Body)] {
			w.Fatalf("%q came twice", m.Body)
		}
		delete(missing, string(m.Body))
	}
}

// sendersKeepTheirOrder has three senders use one mailbox at once.
func sendersKeepTheirOrder(w *World) {
	const each = 300
	name := w.Unique("jobs")
	bob := w.Node("bob")
	got := w.Collect(bob, bob.Mailbox(name))
	var sending sync.WaitGroup
	for _, who := range []string{"alice", "carol", "dave"} {
		n := w.Node(who)
		sending.Go(func() {
			for i := range each {
				if _, err := n.Mailbox(name).Post(w.Context(), fmt.Sprint(i)); err != nil {
					w.Error(err)
				}
			}
		})
	}
	next := map[string]int{}
	for range 3 * each {
		m := Next(w, got, "a message")
		if string(m.Body) != fmt.Sprint(next[m.From]) {
			w.Fatalf("%s of %s, want %d", m.Body, m.From, next[m.From])
		}
		next[m.From]++
	}
	sending.Wait()
}

func aMessageOfAMegabyte(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	got := w.Collect(bob, jobs)
	large := strings.Repeat("0123456789abcdef", 1<<16)
	w.Send(alice.Mailbox(jobs.Name()), large)
	w.Send(alice.Mailbox(jobs.Name()), "")
	w.Want(got, large, "")
}

type question struct{ Number int }
type double struct{ Number int }

func answering(ctx context.Context, m *postrider.Message) error {
	var q question
	if err := m.Decode(&q); err != nil {
		return err
	}
	switch {
	case q.Number == 0:
		return fmt.Errorf("nothing asked")
	case q.Number < 0:
		return &postrider.RemoteError{Code: 418, Reason: "negative"}
	case q.Number == 7:
		return nil
	case q.Number == 13:
		<-ctx.Done()
		return ctx.Err()
	}
	return m.Reply(ctx, double{2 * q.Number})
}

func callsAndAnswers(w *World) {
	nodes := w.Nodes("alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.Handle(bob, bob.Inbox(), answering, postrider.Workers(8))
	w.calls(alice.Peer("bob"))
}

func callsThroughAMailbox(w *World) {
	alice, bob := w.Pair()
	asks := bob.Mailbox(w.Unique("asks"))
	w.Handle(bob, asks, answering, postrider.Workers(8))
	w.calls(alice.Mailbox(asks.Name()))
	idle := alice.Mailbox(w.Unique("nobody works here"))
	w.Send(idle, question{1})
	_, err := postrider.Call[double](w.Within(time.Second), idle, question{1})
	w.Fate(err, true, context.DeadlineExceeded)
}

func (w *World) calls(to *postrider.Target) {
	var asking sync.WaitGroup
	for i := range 20 {
		asking.Go(func() {
			answer, err := postrider.Call[double](w.Soon(), to, question{100 + i})
			if err != nil || answer.Number != 2*(100+i) {
				w.Error(answer, err)
			}
		})
	}
	asking.Wait()
	_, err := postrider.Call[double](w.Soon(), to, question{0})
	w.Remote(err, 500, "nothing asked")
	_, err = postrider.Call[double](w.Soon(), to, question{-1})
	w.Remote(err, 418, "negative")
	if empty, err := postrider.Call[double](w.Soon(), to, question{7}); err != nil || empty.Number != 0 {
		w.Error(empty, err)
	}
	_, err = postrider.Call[double](w.Within(time.Second), to, question{13})
	w.Fate(err, true, context.DeadlineExceeded)
}

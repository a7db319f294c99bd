package behaviour

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
)

func quickly(int) time.Duration { return 50 * time.Millisecond }

// failuresAndASecondLife follows a message through its tries into the dead letters, and back.
func failuresAndASecondLife(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	var mended atomic.Bool
	seen := make(chan string, 100)
	w.Handle(bob, jobs, func(_ context.Context, m *postrider.Message) error {
		f, _ := m.Failure()
		seen <- fmt.Sprintf("%s %d %v", m.Body, f.Tries, m.Redelivered)
		if !mended.Load() {
			return fmt.Errorf("reason %d", f.Tries+1)
		}
		return nil
	}, postrider.MaxTries(3), postrider.Backoff(quickly))
	w.Send(alice.Mailbox(jobs.Name()), "a", postrider.ID("order 7"))
	for _, want := range []string{"a 0 false", "a 1 true", "a 2 true"} {
		if got := Next(w, seen, want); got != want {
			w.Errorf("%s, want %s", got, want)
		}
	}
	dead := w.Want(w.Collect(bob, jobs.Dead()), "a")
	f, ok := dead.Failure()
	if !ok || f.Tries != 3 || f.Reason != "reason 3" || f.Target != jobs.Name() || f.Last.Before(f.First) {
		w.Errorf("%+v", f)
	}
	if dead.ID != "order 7" || dead.From != "alice" || dead.To != jobs.Name()+".dead" || dead.ContentType != postrider.TypeText {
		w.Errorf("%+v", dead)
	}
	mended.Store(true)
	w.Send(jobs, dead.Body, postrider.ID(dead.ID))
	if got := Next(w, seen, "its second life"); got != "a 0 false" {
		w.Error(got)
	}
}

func aRejectedMessageDiesAtOnce(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	good := make(chan string, 10)
	w.Handle(bob, jobs, func(_ context.Context, m *postrider.Message) error {
		if string(m.Body) == "good" {
			good <- "good"
			return nil
		}
		return fmt.Errorf("order: %w", postrider.Reject(errors.New("cannot be read")))
	})
	w.Send(alice.Mailbox(jobs.Name()), "bad")
	w.Send(alice.Mailbox(jobs.Name()), "good")
	m := w.Want(w.Collect(bob, jobs.Dead()), "bad")
	if f, ok := m.Failure(); !ok || f.Tries != 1 || f.Reason != "order: cannot be read" {
		w.Errorf("%+v", f)
	}
	Next(w, good, "what was behind it")
}

func aRetryIsNoFailure(w *World) {
	const wait = 250 * time.Millisecond
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	came := make(chan time.Time, 10)
	var tries atomic.Int32
	w.Handle(bob, jobs, func(_ context.Context, m *postrider.Message) error {
		if _, failed := m.Failure(); failed {
			w.Error("a retry counts as a failure")
		}
		came <- time.Now()
		if tries.Add(1) < 3 {
			return postrider.Retry(wait)
		}
		return nil
	}, postrider.MaxTries(1))
	w.Send(alice.Mailbox(jobs.Name()), "a")
	last := Next(w, came, "the first")
	for range 2 {
		next := Next(w, came, "the next")
		if next.Sub(last) < wait-20*time.Millisecond {
			w.Errorf("again after %v, want %v", next.Sub(last), wait)
		}
		last = next
	}
}

func aPanicIsAFailure(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	reasons := make(chan string, 10)
	w.Handle(bob, jobs, func(_ context.Context, m *postrider.Message) error {
		f, failed := m.Failure()
		if !failed {
			panic("oh no")
		}
		reasons <- f.Reason
		return nil
	}, postrider.Backoff(quickly))
	w.Send(alice.Mailbox(jobs.Name()), "a")
	if got := Next(w, reasons, "the second try"); got != "handler panicked: oh no" {
		w.Error(got)
	}
}

func nothingWaitsBehindWhatFailed(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	seen := make(chan *postrider.Message, 100)
	w.Handle(bob, jobs, func(_ context.Context, m *postrider.Message) error {
		if string(m.Body) == "patient" {
			return errors.New("not today")
		}
		seen <- m
		if _, failed := m.Failure(); !failed && string(m.Body) == "impatient" {
			return errors.New("not now")
		}
		return nil
	}, postrider.Backoff(func(int) time.Duration { return 300 * time.Millisecond }))
	patient := w.Unique("patient")
	w.Handle(bob, bob.Mailbox(patient), func(context.Context, *postrider.Message) error { return postrider.Retry(time.Hour) })
	w.Send(alice.Mailbox(patient), "patient")
	w.Send(alice.Mailbox(jobs.Name()), "impatient")
	w.Send(alice.Mailbox(jobs.Name()), "behind it")
	w.Want(seen, "impatient", "behind it", "impatient")
}

// aMessageThatIsGivenBackOften: brokers that drop such messages by default are told not to.
func aMessageThatIsGivenBackOften(w *World) {
	alice, bob := w.Pair()
	jobs := bob.Mailbox(w.Unique("jobs"))
	var times atomic.Int32
	done := make(chan bool, 1)
	w.Handle(bob, jobs, func(_ context.Context, m *postrider.Message) error {
		if times.Add(1) <= 30 {
			return m.Requeue()
		}
		done <- m.Redelivered
		return nil
	})
	w.Send(alice.Mailbox(jobs.Name()), "a")
	if !Next(w, done, "the message") {
		w.Error("not marked redelivered")
	}
}

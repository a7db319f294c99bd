package postridertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// Recorder notes what happens to the messages of nodes: who sent them, how far they came, who received them and what came of
// that, in the order in which it happened. When its test fails, the record is in the log.
//
// What one node notes of a message is in order, and its sending comes before its arrival; the confirm, which the sender notes, may come
// before or after what the receiver notes meanwhile. Replies are not noted, and control messages only where they are sent.
//
// It keeps the last 100,000 events, and of them as many as have 64 MiB of bodies. Any goroutine may use it.
type Recorder struct {
	t     testing.TB
	began time.Time

	mu      sync.Mutex
	events  []Event
	first   int           // the number of events[0], counted from the first that was ever noted
	missing int           // events that were dropped since the last Forget because there were too many
	bytes   int           // of the events' bodies
	changed chan struct{} // closed with the next event; nil: nobody waits
}

const (
	maxEvents = 100_000
	maxBodies = 64 << 20
	maxLines  = 100 // of a record in a log
)

// NewRecorder returns a recorder that has noted nothing. Nodes of a [Network] have one by [Network.Record].
func NewRecorder(t testing.TB) *Recorder {
	r := &Recorder{t: t, began: time.Now()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what happened to messages:\n%s", r)
		}
	})
	return r
}

// Watch makes the recorder note what a node of that configuration does, as the innermost of its middleware: with the headers and bodies
// that go out.
func (r *Recorder) Watch(cfg *postrider.Config) {
	node := cfg.Name
	cfg.SendMiddleware = append(cfg.SendMiddleware, func(next postrider.SendFunc) postrider.SendFunc {
		return func(ctx context.Context, m *postrider.Outgoing) error {
			r.sent(node, m)
			return next(ctx, m)
		}
	})
	before := cfg.Observe
	cfg.Observe = func(m *postrider.Message, s postrider.Step, err error) {
		r.received(node, m, What(s.String()), err)
		if before != nil {
			before(m, s, err)
		}
	}
}

// sent notes a message that goes out, and what becomes of it.
func (r *Recorder) sent(node string, m *postrider.Outgoing) {
	e := Event{
		What: Sent, Node: node, Target: m.Target.String(), Verb: m.Verb,
		From: node, To: m.Target.Name(), ID: m.ID, Key: m.Key, Body: textOf(m.Body),
	}
	r.note(e)
	m.OnFate(func(g postrider.Grade, err error) {
		e.What, e.Grade, e.Err = Confirmed, g, err
		if err != nil {
			e.What = Undelivered
		}
		r.note(e)
	})
}

func (r *Recorder) received(node string, m *postrider.Message, what What, err error) {
	f, _ := m.Failure()
	r.note(Event{
		What: what, Node: node, From: m.From, To: m.To, ID: m.ID, Key: m.Key(), Body: string(m.Body), Tries: f.Tries,
		Err: err, Message: m,
	})
}

func (r *Recorder) note(e Event) {
	e.At = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.bytes += len(e.Body)
	for len(r.events) > maxEvents || r.bytes > maxBodies && len(r.events) > 1 {
		r.bytes -= len(r.events[0].Body)
		r.events[0] = Event{}
		r.events = r.events[1:]
		r.first++
		r.missing++
	}
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Events returns what was noted, all of it or what fits one of the patterns.
func (r *Recorder) Events(like ...Event) []Event {
	events, _, _ := r.since(0)
	return slices.DeleteFunc(events, func(e Event) bool {
		return len(like) > 0 && !slices.ContainsFunc(like, e.fits)
	})
}

// since returns the events from that number on, the number of the next one, and what is closed when that has happened.
func (r *Recorder) since(number int) (events []Event, next int, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	next = r.first + len(r.events)
	return slices.Clone(r.events[max(0, number-r.first):]), next, r.changed
}

// Wait waits until events have happened that fit the patterns, one after the other, though others may lie in between, and returns the last of
// them. It looks from the beginning, or from the last [Recorder.Forget]. When ctx ends first the test fails at once, and says what was waited for and
// what happened instead; so it is for the goroutine of the test alone. Where ctx has no deadline, as that of a test has none, it gives up when nothing has
// happened for an hour, which in a bubble of [testing/synctest] passes at once, or when the test is about to be ended by go test.
func (r *Recorder) Wait(ctx context.Context, like ...Event) Event {
	r.t.Helper()
	met := 0
	last, err := r.await(ctx, func(e Event) bool {
		if met < len(like) && e.fits(like[met]) {
			met++
		}
		return met == len(like)
	})
	if err != nil {
		r.t.Fatalf("this did not happen (%v):\n%s", err, plan(like, met))
	}
	return last
}

// WaitFor waits for an event of which a function says that it is the one, and returns it. what says what that is, for the
// case that ctx ends first, when the test fails as with [Recorder.Wait].
func (r *Recorder) WaitFor(ctx context.Context, what string, is func(Event) bool) Event {
	r.t.Helper()
	e, err := r.await(ctx, is)
	if err != nil {
		r.t.Fatalf("this did not happen (%v): %s", err, what)
	}
	return e
}

// await goes through what has happened and what happens, until one is the one.
func (r *Recorder) await(ctx context.Context, is func(Event) bool) (Event, error) {
	for number := 0; ; {
		events, next, changed := r.since(number)
		if i := slices.IndexFunc(events, is); i >= 0 {
			return events[i], nil
		}
		number = next
		select {
		case <-changed:
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		case <-r.tooLong(ctx):
			return Event{}, errTooLong
		}
	}
}

const patience = time.Hour // longer than what fails may wait to be tried again, unless the test says how long

var errTooLong = errors.New("nothing happens any more, and the context has no deadline")

// tooLong tells when who waits with a context without a deadline has waited for the next event for so long that there will be none: nodes that wait, too, never
// let a bubble come to rest, and its time would go on until go test ends all of it, without the record.
func (r *Recorder) tooLong(ctx context.Context) <-chan time.Time {
	if _, ok := ctx.Deadline(); ok {
		return nil
	}
	most := patience
	if t, ok := r.t.(interface{ Deadline() (time.Time, bool) }); ok && !inBubble(r.began) {
		if end, ok := t.Deadline(); ok {
			most = min(most, time.Until(end)*9/10)
		}
	}
	return time.After(most)
}

// inBubble reports whether a clock is that of a bubble, which begins with the year 2000. Of the test in one it cannot be asked when go test ends it.
func inBubble(now time.Time) bool { return now.Year() < 2020 }

// plan says which of the patterns have happened.
func plan(like []Event, met int) string {
	var b strings.Builder
	for i, e := range like {
		mark := "missing"
		if i < met {
			mark = "happened"
		} else if i > met {
			mark = "then"
		}
		fmt.Fprintf(&b, "  %-8s  %s\n", mark, e)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Never fails the test when something has happened until now that fits a pattern. In a bubble of [testing/synctest], synctest.Wait
// before it lets everything happen first that will.
func (r *Recorder) Never(like ...Event) {
	r.t.Helper()
	if found := r.Events(like...); len(found) > 0 {
		r.t.Errorf("this happened, and should not have:\n  %s", found[0])
	}
}

// Forget empties the record.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first += len(r.events)
	r.events, r.bytes, r.missing = nil, 0, 0
}

// String is the record, a line an event, with the time since the recorder was made; the last hundred, when there are more.
func (r *Recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, missing := r.events, r.missing
	if len(events) > maxLines {
		missing += len(events) - maxLines
		events = events[len(events)-maxLines:]
	}
	var b strings.Builder
	if missing > 0 {
		fmt.Fprintf(&b, "  … %d before\n", missing)
	}
	for _, e := range events {
		fmt.Fprintf(&b, "  %10v  %s\n", e.At.Sub(r.began).Round(time.Microsecond), e)
	}
	if b.Len() == 0 {
		return "  nothing"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

package postridertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// wantRecord waits until nothing happens any more, compares the record and empties it.
func wantRecord(t *testing.T, rec *postridertest.Recorder, want ...string) {
	t.Helper()
	synctest.Wait()
	var have []string
	for _, e := range rec.Events() {
		have = append(have, e.String())
	}
	if !slices.Equal(have, want) {
		t.Errorf("recorded\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	rec.Forget()
}

func handle(t *testing.T, n *postrider.Node, target *postrider.Target, h postrider.Handler, opts ...postrider.HandleOption) {
	t.Helper()
	if err := n.Handle(t.Context(), target, h, opts...); err != nil {
		t.Fatal(err)
	}
}

func fine(context.Context, *postrider.Message) error { return nil }

func TestARecordOfDirectMessages(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		rec := net.Record()
		shop, warehouse := net.Node("shop"), net.Node("warehouse")
		to := shop.Peer("warehouse")
		if err := to.Send(t.Context(), struct{ Item string }{"lamp"}, postrider.ID("1"), postrider.Key("lamps")); err != nil {
			t.Fatal(err)
		}
		wantRecord(t, rec, // nobody works there yet
			`shop: sent to peer warehouse "{\"Item\":\"lamp\"}" (send, id 1, key lamps)`,
			`shop: confirmed at peer warehouse "{\"Item\":\"lamp\"}" (send, received, id 1, key lamps)`)
		handle(t, warehouse, warehouse.Inbox(), func(_ context.Context, m *postrider.Message) error {
			if m.WantsReply() {
				return errors.New("no idea")
			}
			return nil
		})
		wantRecord(t, rec,
			`warehouse: delivered at warehouse from shop "{\"Item\":\"lamp\"}" (id 1, key lamps)`,
			`warehouse: handled at warehouse from shop "{\"Item\":\"lamp\"}" (id 1, key lamps)`)
		if _, err := postrider.Call[string](t.Context(), to, []byte("price?"), postrider.ID("2")); err == nil {
			t.Fatal("answered")
		}
		wantRecord(t, rec,
			`shop: sent to peer warehouse "price?" (call, id 2)`,
			`warehouse: delivered at warehouse from shop "price?" (id 2)`,
			`warehouse: failed at warehouse from shop "price?" (id 2): no idea`,
			`shop: undelivered to peer warehouse "price?" (call, id 2): remote error 500: no idea`)
		net.Isolate("warehouse")
		if _, err := to.Post(t.Context(), "late", postrider.ID("3"), postrider.Expires(time.Second)); err != nil {
			t.Fatal(err)
		}
		e := rec.Wait(within(t, time.Minute), postridertest.Event{What: postridertest.Undelivered, Err: postrider.ErrExpired})
		if e.Verb != postrider.VerbPost || e.Body != "late" {
			t.Error(e)
		}
		rec.Never(postridertest.Event{What: postridertest.Delivered, ID: "3"})
	})
}

func TestARecordOfAMailbox(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		rec, mq := net.Record(), net.Broker("mq")
		shop, warehouse := net.Node("shop", mq.Use), net.Node("warehouse", mq.Use)
		busy := true
		handle(t, warehouse, warehouse.Mailbox("orders"), func(_ context.Context, m *postrider.Message) error {
			if busy {
				busy = false
				return postrider.Retry(time.Second)
			}
			return fmt.Errorf("out of lamps")
		}, postrider.MaxTries(2))
		handle(t, warehouse, warehouse.Mailbox("orders").Dead(), fine)
		if err := shop.Mailbox("orders").Send(t.Context(), "a lamp", postrider.ID("7")); err != nil {
			t.Fatal(err)
		}
		rec.Wait(within(t, time.Hour), postridertest.Event{What: postridertest.Dead})
		dead := rec.Wait(within(t, time.Hour), postridertest.Event{What: postridertest.Handled})
		if f, ok := dead.Message.Failure(); !ok || f.Tries != 2 || f.Reason != "out of lamps" {
			t.Errorf("%+v", f)
		}
		rec.Wait(within(t, time.Hour),
			postridertest.Event{What: postridertest.Sent, Node: "shop", Target: "mailbox orders", Verb: postrider.VerbSend},
			postridertest.Event{What: postridertest.Delivered, Node: "warehouse", From: "shop", To: "orders"},
			postridertest.Event{What: postridertest.Returned, ID: "7"},
			postridertest.Event{What: postridertest.Delivered, ID: "7"},
			postridertest.Event{What: postridertest.Failed, ID: "7"},
			postridertest.Event{What: postridertest.Delivered, ID: "7", Tries: 1},
			postridertest.Event{What: postridertest.Failed, ID: "7"},
			postridertest.Event{What: postridertest.Handled, To: "orders.dead", Tries: 2})
		rec.Wait(within(t, time.Hour), postridertest.Event{What: postridertest.Confirmed, Grade: postrider.Stored})
	})
}

func TestARecordOfATopicAndOfLoops(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		rec, mq := net.Record(), net.Broker("mq")
		shop, warehouse := net.Node("shop", mq.Use), net.Node("warehouse", mq.Use)
		handle(t, shop, shop.Topic("prices"), fine)
		began := make(chan struct{})
		go func() {
			for m, err := range warehouse.Messages(t.Context(), postrider.Of(warehouse.Topic("prices"))) {
				if err == nil && m.Redelivered {
					m.Ack()
				} else if err == nil {
					m.Requeue()
				}
			}
			close(began)
		}()
		synctest.Wait()
		if err := shop.Topic("prices").Send(t.Context(), "18", postrider.ID("dax")); err != nil {
			t.Fatal(err)
		}
		copies := func(what postridertest.What) int {
			return len(rec.Events(postridertest.Event{What: what, To: "prices", ID: "dax"}))
		}
		synctest.Wait()
		for what, want := range map[postridertest.What]int{
			postridertest.Sent: 1, postridertest.Confirmed: 1, postridertest.Delivered: 3, postridertest.Handled: 2, postridertest.Returned: 1,
		} {
			if copies(what) != want {
				t.Errorf("%d are %s, want %d\n%s", copies(what), what, want, rec)
			}
		}
		warehouse.Close()
		<-began
	})
}

// failing is a test that notes how it fails.
type failing struct {
	testing.TB
	said []string
	ends []func()
}

func (f *failing) Helper()           {}
func (f *failing) Cleanup(do func()) { f.ends = append(f.ends, do) }
func (f *failing) Failed() bool      { return len(f.said) > 0 }
func (f *failing) Logf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}
func (f *failing) Errorf(format string, args ...any) { f.Logf(format, args...) }
func (f *failing) Fatalf(format string, args ...any) {
	f.Logf(format, args...)
	panic(f)
}

func TestARecorderSaysWhatDidNotHappen(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		f := &failing{TB: t}
		rec := postridertest.NewRecorder(f)
		shop := net.Node("shop", rec.Watch)
		inTime := func(do func(ctx context.Context)) {
			defer func() {
				if recover() != any(f) {
					t.Error("it did not fail")
				}
			}()
			do(within(t, time.Minute))
		}
		if err := shop.Inbox().Send(t.Context(), "a lamp", postrider.ID("7")); err != nil {
			t.Fatal(err)
		}
		inTime(func(ctx context.Context) {
			rec.Wait(ctx, postridertest.Event{What: postridertest.Sent, Body: "a lamp"}, postridertest.Event{What: postridertest.Handled, Node: "warehouse"},
				postridertest.Event{What: postridertest.Dead})
		})
		inTime(func(ctx context.Context) {
			rec.WaitFor(ctx, "an event at noon", func(e postridertest.Event) bool { return e.At.Hour() == 12 })
		})
		rec.Never(postridertest.Event{From: "shop"})
		for _, end := range f.ends {
			end()
		}
		want := []string{
			"this did not happen (context deadline exceeded):\n" +
				"  happened  sent \"a lamp\"\n" +
				"  missing   warehouse: handled\n" +
				"  then      dead",
			"this did not happen (context deadline exceeded): an event at noon",
			"this happened, and should not have:\n  shop: sent to inbox of shop \"a lamp\" (send, id 7)",
			"what happened to messages:\n" +
				"          0s  shop: sent to inbox of shop \"a lamp\" (send, id 7)\n" +
				"          0s  shop: confirmed at inbox of shop \"a lamp\" (send, received, id 7)",
		}
		if !slices.Equal(f.said, want) {
			t.Errorf("%q,\nwant %q", f.said, want)
		}
	})
}

// ending is a test that go test ends at some time.
type ending struct {
	*failing
	at time.Time
}

func (e ending) Deadline() (time.Time, bool) { return e.at, true }

// gaveUp waits for what does not happen, with a context that has no deadline, and has the test fail.
func gaveUp(t *testing.T, tb testing.TB, f *failing) {
	t.Helper()
	defer func() {
		if recover() != any(f) {
			t.Error("it did not fail")
		}
	}()
	postridertest.NewRecorder(tb).Wait(t.Context(), postridertest.Event{What: postridertest.Handled})
}

// Nobody waits for ever, though the context does not end: not in a bubble, where the beat of connections goes on, nor out of one.
func TestARecorderDoesNotWaitForEver(t *testing.T) {
	const want = "this did not happen (nothing happens any more, and the context has no deadline):\n  missing   handled"
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		shop := net.Node("shop")
		net.Node("warehouse")
		wantUp(t, shop.Peer("warehouse"))
		began := time.Now()
		f := &failing{TB: t}
		gaveUp(t, f, f)
		if len(f.said) != 1 || f.said[0] != want || time.Since(began) != time.Hour {
			t.Errorf("after %v: %q", time.Since(began), f.said)
		}
	})
	f := &failing{TB: t}
	gaveUp(t, ending{f, time.Now().Add(20 * time.Millisecond)}, f)
	if len(f.said) != 1 || f.said[0] != want {
		t.Errorf("%q", f.said)
	}
}

func TestARecorderWaitsForWhatIsYetToHappen(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		rec := net.Record()
		shop := net.Node("shop")
		handle(t, shop, shop.Inbox(), fine)
		go func() {
			for i := range 10 {
				time.Sleep(time.Second)
				shop.Inbox().Post(t.Context(), fmt.Sprint(i))
			}
		}()
		rec.Wait(within(t, time.Minute), postridertest.Event{What: postridertest.Handled, Body: "3"}, postridertest.Event{What: postridertest.Handled, Body: "5"})
		rec.Never(postridertest.Event{Body: "6"})
		e := rec.WaitFor(within(t, time.Minute), "the last", func(e postridertest.Event) bool { return e.What == postridertest.Handled && e.Body == "9" })
		if e.Message == nil || string(e.Message.Body) != "9" {
			t.Error(e)
		}
	})
}

// A record is bounded, and says what it has lost.
func TestARecordForgetsTheOldest(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		rec := net.Record()
		shop := net.Node("shop")
		large := strings.Repeat("x", 20<<20)
		for i := range 4 {
			if err := shop.Inbox().Send(t.Context(), fmt.Sprint(i, large)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(rec.Events()); n != 3 { // of eight
			t.Errorf("%d events", n)
		}
		if text := rec.String(); !strings.HasPrefix(text, "  … 5 before\n") || len(text) > 1000 {
			t.Errorf("%.1000s", text)
		}
		rec.Forget()
		if text := rec.String(); text != "  nothing" {
			t.Error(text)
		}
	})
}

package queue

import (
	"slices"
	"testing"
)

func TestPushOfAPositionNotReservedPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	New[string](0, Config{}).Push(0, 1, "a")
}

func TestEffectsOutliveWhatMayBeCalledWhileTheyArePerformed(t *testing.T) {
	q := New[string](0, Config{})
	q.Attach(0, Consumer{ID: 1})
	fx := q.Push(0, q.Reserve(), "a")
	want := slices.Clone(fx.Deliver)
	q.Pause(1)
	q.Reserve()
	q.Lookup(1)
	q.Touch(5)
	q.Purge(func(Entry[string]) {})
	if !slices.Equal(fx.Deliver, want) {
		t.Fatalf("deliveries became %v", fx.Deliver)
	}
}

func TestEffectsOfThePastHoldNoMessages(t *testing.T) {
	q := New[*int](0, Config{})
	q.Attach(0, Consumer{ID: 1})
	fx := q.Push(0, q.Reserve(), new(int))
	delivered := fx.Deliver[0:1:1]
	q.Settle(0, delivered[0].Entry.Pos)
	if delivered[0].Entry.Msg != nil {
		t.Fatal("the buffer still holds the message")
	}
}

// A channel that holds a hundred thousand entries closes while another
// consumer waits: nothing is lost, and no event is large.
func TestALargeChannelCloses(t *testing.T) {
	const n = 100_000
	q := New[int](0, Config{})
	var held []uint64
	q.Attach(0, Consumer{ID: 1})
	for i := range n {
		for _, d := range q.Push(0, q.Reserve(), i).Deliver {
			held = append(held, d.Entry.Pos)
		}
	}
	q.Attach(0, Consumer{ID: 2, NoAck: true})
	q.Detach(0, 1)
	slices.Reverse(held)

	next := 0
	for fx := q.Requeue(0, held...); ; fx = q.Advance(0) {
		for _, d := range fx.Deliver {
			if d.Consumer != 2 || d.Entry.Msg != next || !d.Entry.Redelivered {
				t.Fatalf("delivery %d is %+v", next, d)
			}
			next++
		}
		if len(fx.Deliver) > burst {
			t.Fatalf("%d deliveries in one event", len(fx.Deliver))
		}
		if !fx.More {
			break
		}
	}
	// Consumer 2 came while 1 held everything, so all of it is for 2.
	if next != n || q.Len()+q.Unacked() != 0 {
		t.Fatalf("%d delivered, %d ready, %d out", next, q.Len(), q.Unacked())
	}
}

// steady plays a push, its delivery and the acknowledgement of an entry that
// was delivered a while ago.
func steady(depth int) func() {
	q := New[*int](0, Config{})
	q.Attach(0, Consumer{ID: 1})
	m := new(int)
	oldest := uint64(1)
	for range depth {
		q.Push(0, q.Reserve(), m)
	}
	return func() {
		q.Push(0, q.Reserve(), m)
		q.Settle(0, oldest)
		oldest++
	}
}

// The events between two chunks count too, so what is measured are a thousand steps.
func TestTheSteadyStateDoesNotAllocate(t *testing.T) {
	for _, depth := range []int{0, 1, 63, 64, 1000} {
		step := steady(depth)
		thousand := func() {
			for range 1000 {
				step()
			}
		}
		if n := testing.AllocsPerRun(20, thousand); n != 0 {
			t.Errorf("%v allocations with %d entries out", n, depth)
		}
	}
}

func TestReturningAndDeliveringAgainDoesNotAllocate(t *testing.T) {
	q := New[*int](0, Config{})
	q.Attach(0, Consumer{ID: 1, Prefetch: 1})
	for range 1000 {
		q.Push(0, q.Reserve(), nil)
	}
	if n := testing.AllocsPerRun(1000, func() { q.Requeue(0, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPushDeliverSettle(b *testing.B) {
	for name, depth := range map[string]int{"at once": 0, "1000 out": 1000} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			step := steady(depth)
			for b.Loop() {
				step()
			}
		})
	}
}

func BenchmarkNoAck(b *testing.B) {
	q := New[*int](0, Config{})
	q.Attach(0, Consumer{ID: 1, NoAck: true})
	b.ReportAllocs()
	for b.Loop() {
		q.Push(0, q.Reserve(), nil)
	}
}

// The first of a million entries that are out comes back and is delivered again.
func BenchmarkRequeueOldest(b *testing.B) {
	q := New[*int](0, Config{})
	q.Attach(0, Consumer{ID: 1})
	for range 1_000_000 {
		q.Push(0, q.Reserve(), nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		q.Push(0, q.Reserve(), nil)
		q.Requeue(0, 1)
	}
}

package queue

import (
	"math"
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
	q.Purge(math.MaxInt, func(Entry[string]) {})
	q.Admit(1)
	q.Deadline()
	q.TakeBack(1)
	if !slices.Equal(fx.Deliver, want) {
		t.Fatalf("deliveries became %v", fx.Deliver)
	}
	if !fx.More {
		t.Fatal("nothing is left to do for what was taken back")
	}
}

// Whoever performs effects stops looking at one entry in the midst of lanes.
func TestTheListOfEntriesMayBeLeftEarly(t *testing.T) {
	q := New[int](0, Config{MaxPriority: 9})
	for i := range 10 {
		q.Push(0, q.ReserveIn(uint8(i)), i)
	}
	var seen []int
	for e := range q.All() {
		if seen = append(seen, e.Msg); len(seen) == 3 {
			break
		}
	}
	if !slices.Equal(seen, []int{9, 8, 7}) {
		t.Fatalf("saw %v", seen)
	}
}

func TestAVeryLongTimeToLiveDoesNotWrapAround(t *testing.T) {
	q := New[int](0, Config{TTL: AtMost(math.MaxInt64)})
	const now = 1 << 62
	q.Push(now, q.Reserve(), 7)
	q.Advance(math.MaxInt64 - 1)
	if at, ok := q.Deadline(); !ok || at != math.MaxInt64 || q.Len() != 1 {
		t.Fatalf("expires at %d, %d ready", at, q.Len())
	}
}

// 0 stands for never in the books, so what would expire at 0 does a little later.
func TestAnEntryMayExpireAtZero(t *testing.T) {
	q := New[int](-10, Config{})
	q.PushWith(-10, q.Reserve(), 7, AtMost(10))
	if fx := q.Advance(1); len(fx.Drop) != 1 {
		t.Fatal("it never expires")
	}
}

func TestExpiryOfAPosition(t *testing.T) {
	q := New[int](0, Config{TTL: AtMost(50)})
	pos := q.Reserve()
	q.Push(10, pos, 7)
	if at, ok := q.Expiry(pos); !ok || at != 60 {
		t.Errorf("expires at %d, %v", at, ok)
	}
	if _, ok := q.Expiry(pos + 1000); ok {
		t.Error("an unknown position expires")
	}
}

// What has a size is measured from the moment the queue is told how.
func TestMeasuringBeginsInTheMidstOfLife(t *testing.T) {
	q := New[string](0, Config{MaxBytes: AtMost(5)})
	for _, m := range []string{"aa", "bb", "cc"} {
		q.Push(0, q.Reserve(), m)
	}
	q.Get(0, false)
	if q.Bytes() != 0 {
		t.Fatalf("%d bytes before anybody asked", q.Bytes())
	}
	q.MeasureBy(func(m string) int { return len(m) })
	if q.Bytes() != 4 {
		t.Fatalf("%d bytes are ready", q.Bytes())
	}
	q.Replace(2, "b")
	if fx := q.Requeue(0, 1); q.Bytes() != 5 || len(fx.Drop) != 0 {
		t.Fatalf("%d bytes are ready, %v dropped", q.Bytes(), fx.Drop)
	}
}

// A message of a gigabyte, and the largest that there can be, are refused, not added up.
func TestAdmissionDoesNotOverflow(t *testing.T) {
	q := New[string](0, Config{MaxBytes: AtMost(10), Overflow: RejectPublish})
	q.MeasureBy(func(m string) int { return len(m) })
	q.Push(0, q.Reserve(), "abc")
	for size, want := range map[int]Admission{7: Admitted, 8: Refused, 1 << 30: Refused, math.MaxInt: Refused} {
		if got := q.Admit(size); got != want {
			t.Errorf("%d bytes: %d, want %d", size, got, want)
		}
	}
}

// Settings that say what the queue is stay as they are.
func TestConfigureLeavesTheNatureOfTheQueue(t *testing.T) {
	q := New[int](0, Config{MaxPriority: 2, SingleActive: true})
	q.Configure(0, Config{})
	q.Push(0, q.ReserveIn(1), 1)
	q.Push(0, q.ReserveIn(2), 2)
	q.Attach(0, Consumer{ID: 1, Prefetch: 1})
	q.Attach(0, Consumer{ID: 2})
	if e, s, _ := q.Lookup(1*3 + 2); s != Out || e.Msg != 2 || q.Unacked() != 1 {
		t.Fatalf("%+v is in state %d, %d are out", e, s, q.Unacked())
	}
}

func TestTheBufferOfAManifoldRejectionIsGivenBack(t *testing.T) {
	const n = 10 * keepDrops
	q := New[int](0, Config{DeliveryLimit: AtMost(0)})
	held := make([]uint64, n)
	for i := range held {
		held[i] = q.Reserve()
		q.Push(0, held[i], i)
		q.Get(0, false)
	}
	if fx := q.Requeue(0, held...); len(fx.Drop) != n {
		t.Fatalf("%d dropped", len(fx.Drop))
	}
	if fx := q.Advance(0); cap(fx.Drop) != 0 {
		t.Fatalf("room for %d is kept", cap(fx.Drop))
	}
}

// Ten million entries may expire at the same moment.
func TestManyExpireInPortions(t *testing.T) {
	const n = 1000
	q := New[int](0, Config{TTL: AtMost(5)})
	for i := range n {
		q.Push(0, q.Reserve(), i)
	}
	q.Push(9, q.Reserve(), n) // the front of them expires meanwhile
	next := burst
	for fx := q.Advance(9); ; fx = q.Advance(9) {
		for _, d := range fx.Drop {
			if d.Entry.Msg != next || d.Reason != MessageExpired {
				t.Fatalf("dropped %+v, want %d", d, next)
			}
			next++
		}
		if len(fx.Drop) > burst {
			t.Fatalf("%d dropped at once", len(fx.Drop))
		}
		if !fx.More {
			break
		}
	}
	if next != n || q.Len() != 1 {
		t.Fatalf("dropped up to %d, %d are ready", next, q.Len())
	}
}

func TestReasonsAreCalledAsInDeathRecords(t *testing.T) {
	for r, want := range map[Reason]string{Rejected: "rejected", MessageExpired: "expired", MaxLength: "maxlen", DeliveryLimit: "delivery_limit", 0: "unknown"} {
		if r.String() != want {
			t.Errorf("reason %d is %s, want %s", r, r, want)
		}
	}
}

func TestBounds(t *testing.T) {
	none := Bound{}
	if n, ok := AtMost(-3).Value(); n != 0 || !ok {
		t.Errorf("at most -3 is %d, %v", n, ok)
	}
	if _, ok := none.Lower(none).Value(); ok {
		t.Error("no bound and no bound is one")
	}
	for _, pair := range [][2]Bound{{AtMost(1), AtMost(2)}, {AtMost(2), AtMost(1)}, {AtMost(1), none}, {none, AtMost(1)}} {
		if pair[0].Lower(pair[1]) != AtMost(1) {
			t.Errorf("the lower of %v is not 1", pair)
		}
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
func steady(depth int) func() { return steadyOf(Config{}, depth) }

func steadyOf(cfg Config, depth int) func() {
	q := New[*int](0, cfg)
	q.Attach(0, Consumer{ID: 1})
	m := new(int)
	stride := uint64(cfg.MaxPriority) + 1
	oldest := stride
	for range depth {
		q.Push(0, q.Reserve(), m)
	}
	return func() {
		q.Push(0, q.Reserve(), m)
		q.Settle(0, oldest)
		oldest += stride
	}
}

// full is a queue with everything switched on that costs something for each entry.
var full = Config{
	MaxPriority: 10, TTL: AtMost(1000), MaxLength: AtMost(1000), MaxBytes: AtMost(1000),
	DeliveryLimit: AtMost(5), SingleActive: true, TakeOver: true,
}

// The events between two chunks count too, so what is measured are a thousand steps.
func TestTheSteadyStateDoesNotAllocate(t *testing.T) {
	for _, depth := range []int{0, 1, 63, 64, 1000, -1} {
		step := steady(max(depth, 0))
		if depth < 0 {
			step = steadyOf(full, 1000)
		}
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

func BenchmarkEveryFeature(b *testing.B) {
	b.ReportAllocs()
	step := steadyOf(full, 1000)
	for b.Loop() {
		step()
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

// Most of a long queue lies on the disk, also where an int has 32 bits.
func TestMoreBytesThanAnIntHolds(t *testing.T) {
	q := New[string](0, Config{MaxBytes: AtMost(5 << 30), Overflow: RejectPublish})
	q.MeasureBy(func(string) int { return 1 << 30 })
	for range 4 {
		q.Push(0, q.Reserve(), "m")
	}
	if q.Bytes() != 4<<30 || q.Admit(1<<30) != Admitted {
		t.Errorf("%d bytes, and another is: %d", q.Bytes(), q.Admit(1<<30))
	}
}

func TestALimitThatNoIntHoldsIsNone(t *testing.T) {
	q := New[string](0, Config{MaxLength: AtMost(1 << 62), MaxBytes: AtMost(1 << 62)})
	q.MeasureBy(func(m string) int { return len(m) })
	if q.Push(0, q.Reserve(), "m"); q.Len() != 1 {
		t.Errorf("%d are there", q.Len())
	}
}

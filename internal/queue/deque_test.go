package queue

import (
	"fmt"
	"math/bits"
	"math/rand"
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

// check verifies what must hold of a deque between any two calls.
func (d *deque[M]) check() error {
	var ready, out, linked, waiting int
	passed := d.cursor != nil
	var prev *chunk[M]
	for c := d.first; c != nil; c = c.next {
		switch {
		case c.prev != prev:
			return fmt.Errorf("chunk %d: wrong link back", c.number)
		case prev != nil && prev.number >= c.number:
			return fmt.Errorf("chunk %d comes after %d", c.number, prev.number)
		case d.chunks[c.number] != c:
			return fmt.Errorf("chunk %d is not in the map", c.number)
		case !c.live() && c.number != d.next/chunkSize:
			return fmt.Errorf("chunk %d is dead", c.number)
		case c.ready&c.out|c.ready&c.reserved|c.out&c.reserved != 0:
			return fmt.Errorf("chunk %d: a slot in two states", c.number)
		}
		if c == d.cursor {
			passed = false
		}
		behind := passed || d.cursor == nil
		if back := slices.Contains(d.returned, c); back != (behind && c.ready != 0) {
			return fmt.Errorf("chunk %d: behind the cursor %v, ready %b, on the heap %v", c.number, behind, c.ready, back)
		}
		ready += bits.OnesCount64(c.ready)
		out += bits.OnesCount64(c.out)
		linked++
		if slices.Contains(d.returned, c) {
			waiting++
		}
		prev = c
	}
	switch {
	case d.last != prev:
		return fmt.Errorf("last is wrong")
	case passed:
		return fmt.Errorf("the cursor is not in the list")
	case linked != len(d.chunks) || waiting != len(d.returned):
		return fmt.Errorf("%d of %d chunks linked, %d of %d returned", linked, len(d.chunks), waiting, len(d.returned))
	case ready != d.ready || out != d.out:
		return fmt.Errorf("ready %d, counted %d; out %d, counted %d", d.ready, ready, d.out, out)
	}
	return nil
}

func mustHold[M any](t *testing.T, d *deque[M]) {
	t.Helper()
	if err := d.check(); err != nil {
		t.Fatal(err)
	}
}

func fresh[M any]() *deque[M] {
	d := newDeque[M]()
	return &d
}

// filled returns a deque with n ready messages: 1 at position 1, and so on.
func filled(n int) *deque[uint64] {
	d := fresh[uint64]()
	for range n {
		pos := d.reserve()
		d.fill(pos, pos, 0)
	}
	return d
}

// taken returns the first ready entry and leaves it out.
func taken[M any](d *deque[M]) (e Entry[M]) {
	d.take(nil, &e)
	return e
}

// removed returns the first ready entry, which is gone.
func removed[M any](d *deque[M]) (e Entry[M]) {
	d.remove(&e)
	return e
}

func TestDequeKeepsOrderOverManyChunks(t *testing.T) {
	d := filled(1000)
	for want := uint64(1); want <= 1000; want++ {
		if e := taken(d); e.Pos != want || e.Msg != want {
			t.Fatalf("took %+v, want %d", e, want)
		}
	}
	mustHold(t, d)
}

func TestDequeFreesChunksAroundAStraggler(t *testing.T) {
	const n = 100_000
	d := filled(1)
	straggler := taken(d).Pos
	for range n {
		pos := d.reserve()
		d.fill(pos, pos, 0)
		taken(d)
		d.settle(pos)
	}
	if len(d.chunks) != 2 {
		t.Fatalf("%d chunks are left for one old entry", len(d.chunks))
	}
	pos := d.reserve()
	d.fill(pos, pos, 0)
	d.giveBack(straggler, true)
	mustHold(t, d)
	if first, second := removed(d), removed(d); first.Pos != straggler || second.Pos != pos {
		t.Fatalf("took %d and %d", first.Pos, second.Pos)
	}
	mustHold(t, d)
	if d.first != d.last {
		t.Fatal("the straggler's chunk is still there")
	}
}

func TestDequeFindsReturnedEntriesInOrder(t *testing.T) {
	d := filled(5000)
	for range 5000 {
		taken(d)
	}
	back := rand.New(rand.NewSource(1)).Perm(5000)[:2000]
	for _, i := range back {
		d.giveBack(uint64(i+1), true)
	}
	mustHold(t, d)
	slices.Sort(back)
	for _, i := range back {
		if e := taken(d); e.Pos != uint64(i+1) || !e.Redelivered || e.Deliveries != 1 {
			t.Fatalf("took %+v, want position %d again", e, i+1)
		}
	}
	mustHold(t, d)
}

func TestDequePassesOverHoles(t *testing.T) {
	d := fresh[uint64]()
	for range 300 {
		d.reserve()
	}
	d.fill(300, 300, 0)
	d.fill(2, 2, 0)
	for _, want := range []uint64{2, 300} {
		if e := taken(d); e.Pos != want {
			t.Fatalf("took %d, want %d", e.Pos, want)
		}
	}
	d.fill(299, 299, 0)
	d.fill(70, 70, 0)
	for _, want := range []uint64{70, 299} {
		if e := removed(d); e.Pos != want {
			t.Fatalf("removed %d, want %d", e.Pos, want)
		}
	}
	mustHold(t, d)
}

func TestDequeRefusesWhatWasNotReserved(t *testing.T) {
	d := filled(3)
	d.reserve()
	d.skip(4)
	for _, pos := range []uint64{0, 1, 4, 5, 1 << 40, 1<<64 - 1} {
		if d.fill(pos, 9, 0) {
			t.Errorf("position %d was filled", pos)
		}
		d.skip(pos)
	}
	mustHold(t, d)
}

// Restoring in runs that alternate between old and new positions is what a
// compacted journal leads to.
func TestDequeRestoresInAnyOrder(t *testing.T) {
	const n = 4000
	orders := map[string][]int{
		"ascending":  nil,
		"descending": nil,
		"shuffled":   rand.New(rand.NewSource(2)).Perm(n),
		"two runs":   nil,
	}
	for i := range n {
		orders["ascending"] = append(orders["ascending"], i)
		orders["descending"] = append(orders["descending"], n-1-i)
		orders["two runs"] = append(orders["two runs"], i/2+i%2*n/2)
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			d := fresh[int]()
			for _, i := range order {
				d.restore(uint64(3*i+1), i, 0, 0)
			}
			mustHold(t, d)
			for i := range n {
				if e := removed(d); e.Msg != i {
					t.Fatalf("got %d, want %d", e.Msg, i)
				}
			}
			mustHold(t, d)
		})
	}
}

func TestDequeRestoresIntoAReservedPosition(t *testing.T) {
	d := fresh[int]()
	d.restore(d.reserve(), 7, newHistory(true, 1), 0)
	mustHold(t, d)
	if e := removed(d); e.Msg != 7 || !e.Redelivered {
		t.Fatalf("got %+v", e)
	}
	if _, s, ok := d.lookup(1); ok {
		t.Fatalf("the position is still in state %d", s)
	}
}

func TestDequeForgetsMessages(t *testing.T) {
	d := fresh[*int]()
	for range 10 {
		d.fill(d.reserve(), new(int), 0)
	}
	taken(d)
	d.settle(1)
	for range 9 {
		removed(d)
	}
	for i, m := range d.last.slots {
		if m != nil {
			t.Fatalf("slot %d still holds its message", i)
		}
	}
}

func TestDequeGivesMemoryBack(t *testing.T) {
	d := filled(chunkSize * shrinkFrom * 2)
	for range 2 {
		for d.ready > 0 {
			taken(d)
		}
		for pos := uint64(1); pos < d.next; pos++ {
			d.giveBack(pos, true)
		}
	}
	for d.ready > 0 {
		removed(d)
	}
	mustHold(t, d)
	if d.most > shrinkFrom/2 || cap(d.returned) > shrinkFrom || d.spare != nil {
		t.Fatalf("an empty deque keeps a map for %d, a heap of %d, spare %v", d.most, cap(d.returned), d.spare)
	}
}

func TestDequeCostsLittlePerEntry(t *testing.T) {
	if size := unsafe.Sizeof(chunk[[2]uint64]{}); size > 1152 { // 16 bytes are what a broker holds
		t.Errorf("a chunk is %d bytes, and the allocator takes more than 1,152 for it", size)
	}
	const n = 1_000_000
	before := heapInUse()
	d := fresh[*int]()
	m := new(int)
	for range n {
		d.fill(d.reserve(), m, 0)
	}
	if each := (heapInUse() - before) / n; each > 10 {
		t.Errorf("a ready entry costs %d bytes", each)
	}
	for range n {
		taken(d)
	}
	if each := (heapInUse() - before) / n; each > 19 {
		t.Errorf("an entry that is out costs %d bytes", each)
	}
	runtime.KeepAlive(d)
}

func TestExpiryAndPriorityCostLittlePerEntry(t *testing.T) {
	const n = 1_000_000
	for name, c := range map[string]struct {
		cfg  Config
		most uint64
	}{
		"expiry":   {Config{TTL: AtMost(1)}, 18},
		"priority": {Config{MaxPriority: 10}, 10},
	} {
		before := heapInUse()
		q := New[*int](0, c.cfg)
		for i := range n {
			q.Push(0, q.ReserveIn(uint8(i%11)), nil)
		}
		if each := (heapInUse() - before) / n; each > c.most {
			t.Errorf("%s: a ready entry costs %d bytes, want %d", name, each, c.most)
		}
		runtime.KeepAlive(q)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestHistory(t *testing.T) {
	for _, h := range []history{newHistory(false, 0), newHistory(true, 0), newHistory(false, 7), newHistory(true, 1<<31-1), newHistory(true, 1<<32-1)} {
		r := h.returned()
		if !r.redelivered() || r.deliveries() != min(h.deliveries()+1, 1<<31-1) {
			t.Errorf("%v and %d deliveries became %v and %d", h.redelivered(), h.deliveries(), r.redelivered(), r.deliveries())
		}
	}
}

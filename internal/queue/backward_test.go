package queue

import (
	"slices"
	"testing"
)

// backwards walks a whole queue and returns the positions that were visited.
func backwards[M any](q *Queue[M], from Cursor) (visited []uint64) {
	for more := true; more; {
		from, more = q.Backward(from, func(e Entry[M], _ State) { visited = append(visited, e.Pos) })
	}
	return visited
}

func TestBackwardVisitsEachEntryOnce(t *testing.T) {
	for _, cfg := range []Config{{}, {MaxPriority: 3}, {TwoLevels: true}} {
		q := New[int](0, cfg)
		var live []uint64
		for i := range 1000 {
			pos := q.ReserveIn(uint8(i % 7))
			if i%7 == 0 {
				q.Skip(pos)
				continue
			}
			q.Push(0, pos, i)
			live = append(live, pos)
		}
		for range 300 { // some are gone, some are out
			e, _ := q.Get(0, false)
			if e.Pos%2 == 0 {
				q.Settle(0, e.Pos)
				live = slices.DeleteFunc(live, func(p uint64) bool { return p == e.Pos })
			}
		}
		got := backwards(q, Cursor{})
		slices.Sort(got)
		slices.Sort(live)
		if !slices.Equal(got, live) {
			t.Errorf("%+v: %d entries were visited, %d live", cfg, len(got), len(live))
		}
	}
}

func TestBackwardFromAPosition(t *testing.T) {
	q := New[int](0, Config{})
	for i := range 500 {
		q.Push(0, q.Reserve(), i)
	}
	for _, pos := range backwards(q, q.BackFrom(200)) {
		if pos >= 256 {
			t.Fatalf("position %d was visited, which lies behind the chunk of 200", pos)
		}
	}
	if n := len(backwards(q, q.BackFrom(10_000))); n != 500 {
		t.Errorf("from beyond the end %d entries were visited, want all 500", n)
	}
}

// The queue changes between the steps; what stays is still visited.
func TestBackwardBesideConsumption(t *testing.T) {
	q := New[int](0, Config{})
	for i := range 1000 {
		q.Push(0, q.Reserve(), i)
	}
	seen := map[uint64]bool{}
	at, more := Cursor{}, true
	for more {
		at, more = q.Backward(at, func(e Entry[int], _ State) {
			seen[e.Pos] = true
			q.Replace(e.Pos, -e.Msg)
		})
		for range 30 {
			q.Get(0, true)
		}
		q.Push(0, q.Reserve(), 7)
	}
	for e := range q.All() {
		if e.Pos <= 1000 && !seen[e.Pos] {
			t.Errorf("position %d was never visited", e.Pos)
		}
		if e.Pos <= 1000 && e.Msg != -int(e.Pos-1) {
			t.Errorf("position %d holds %d after it was replaced", e.Pos, e.Msg)
		}
	}
}

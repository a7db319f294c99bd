package queue

import (
	"slices"
	"testing"
)

// twoLevels returns a queue of entries of the priorities given, each with its priority as the message.
func twoLevels(priorities ...int) *Queue[int] {
	q := New[int](0, Config{TwoLevels: true})
	for _, p := range priorities {
		q.Push(0, q.ReserveIn(uint8(p)), p)
	}
	return q
}

func TestTwoHighOnesLeaveBeforeANormalOne(t *testing.T) {
	q := twoLevels(0, 1, 4, 2, 5, 9, 255, 6, 7)
	var got []int
	for e, ok := q.Get(0, true); ok; e, ok = q.Get(0, true) {
		got = append(got, e.Msg)
	}
	if want := []int{5, 9, 0, 255, 6, 1, 7, 4, 2}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestTheCountStartsAnewWhereALevelWasEmpty(t *testing.T) {
	q := twoLevels(5, 6, 7)
	q.Get(0, true) // nothing normal waits
	q.Push(0, q.ReserveIn(0), 0)
	q.Push(0, q.ReserveIn(8), 8)
	var got []int
	for e, ok := q.Get(0, true); ok; e, ok = q.Get(0, true) {
		got = append(got, e.Msg)
	}
	if want := []int{6, 7, 0, 8}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestWhatComesBackKeepsItsPlaceInItsLevel(t *testing.T) {
	q := twoLevels(5, 6, 0, 1)
	var all []uint64
	for e, ok := q.Get(0, false); ok; e, ok = q.Get(0, false) {
		all = append(all, e.Pos)
	}
	slices.Reverse(all)
	q.Requeue(0, all...)
	var got []int
	for e, ok := q.Get(0, true); ok; e, ok = q.Get(0, true) {
		got = append(got, e.Msg)
	}
	if want := []int{5, 6, 0, 1}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// The entries of a queue that was plain are those of the normal level.
func TestLevelsDoNotMixPositions(t *testing.T) {
	q := New[int](0, Config{TwoLevels: true})
	for pos := uint64(1); pos <= 3; pos++ {
		q.Restore(pos, int(pos), false, 0)
	}
	q.ReserveFrom(10)
	q.ReserveFrom(HighLevel + 20)
	if pos := q.Reserve(); pos != 10 {
		t.Errorf("the next normal position is %d", pos)
	}
	if pos := q.ReserveIn(5); pos != HighLevel+20 {
		t.Errorf("the next high position is %d beyond the first", pos-HighLevel)
	}
	if first, ok := q.FirstBeside(2); !ok || first != 1 {
		t.Errorf("the first normal one is at %d, %v", first, ok)
	}
	if _, ok := q.FirstBeside(HighLevel); ok {
		t.Error("a high one is ready")
	}
}

package queue

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// Of many consumers one is served, whoever comes and goes: the best, or with TakeOver the best as soon as the one before has nothing out. Nobody
// looks at all of them for that: with as many as here it would take long.
func TestOneOfVeryManyIsActive(t *testing.T) {
	const most = 20_000
	for _, takeOver := range []bool{false, true} {
		chance := rand.New(rand.NewPCG(1, 1))
		q := New[int](0, Config{SingleActive: true, TakeOver: takeOver})
		var there []Consumer // in the order of joining
		for id := range ConsumerID(most) {
			c := Consumer{ID: id, Priority: int32(chance.IntN(3)), NoAck: true}
			if _, err := q.Attach(0, c); err != nil {
				t.Fatal(err)
			}
			there = append(there, c)
		}
		if got, ok := q.Active(); !ok || !takeOver && got != there[0].ID {
			t.Fatalf("consumer %d is active, %v", got, ok)
		}
		slices.SortStableFunc(there, func(a, b Consumer) int { return cmp.Compare(b.Priority, a.Priority) })
		if !takeOver { // the first is served as long as it stays
			q.Detach(0, 0)
			there = slices.DeleteFunc(there, func(c Consumer) bool { return c.ID == 0 })
		}
		for _, c := range there {
			if got, ok := q.Active(); !ok || got != c.ID {
				t.Fatalf("consumer %d is active, %v, want %d", got, ok, c.ID)
			}
			q.Detach(0, c.ID)
		}
		if got, ok := q.Active(); ok {
			t.Fatalf("consumer %d is active, and there is none", got)
		}
	}
}

// Who comes and goes while another is served is forgotten.
func TestWhoWasNeverActiveIsForgotten(t *testing.T) {
	q := New[int](0, Config{SingleActive: true})
	for id := range ConsumerID(1000) {
		if _, err := q.Attach(0, Consumer{ID: id}); err != nil {
			t.Fatal(err)
		}
		if id > 0 {
			q.Detach(0, id)
		}
	}
	if got, _ := q.Active(); got != 0 {
		t.Errorf("consumer %d is active", got)
	}
	if n := len(q.roster.single.line); n > 2+fewLeft {
		t.Errorf("%d are remembered, of one that is there", n)
	}
}

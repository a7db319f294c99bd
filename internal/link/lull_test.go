package link

import (
	"runtime"
	"testing"
	"testing/synctest"
)

func TestASeatIsItsOwnersWhoComesBack(t *testing.T) {
	var s Seat
	if s.Take() {
		t.Fatal("the place of one who is there was taken")
	}
	s.Use(func(func()) {})
	if !s.Lend(func() { t.Error("another was called for") }) {
		t.Error("nobody has taken the place, and it is gone")
	}
	if s.Take() {
		t.Error("the place of one who is back was taken")
	}
}

func TestASeatIsTakenOnce(t *testing.T) {
	var s Seat
	var took []bool
	readOn := func() { took = append(took, s.Take()) }
	s.Use(func(readOn func()) { readOn(); readOn() })
	if s.Lend(readOn) {
		t.Error("the place was taken, and is still the former one's")
	}
	if len(took) != 2 || !took[0] || took[1] {
		t.Errorf("taken: %v", took)
	}
}

// Who ends his goroutine where he is away leaves the place to another.
func TestASeatIsLeftByWhoEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Seat
		took := make(chan bool, 1)
		s.Use(func(func()) { runtime.Goexit() })
		go s.Lend(func() { took <- s.Take() })
		synctest.Wait()
		select {
		case ok := <-took:
			if !ok {
				t.Error("the place could not be taken")
			}
		default:
			t.Error("nobody reads on")
		}
	})
}

func TestALullIsUsedOnce(t *testing.T) {
	var none *Lull
	if none.Free() {
		t.Error("none is free")
	}
	var l Lull
	l.Use(func(func()) {})
	if l.Free() || l.Over() == nil || !l.Free() || l.Over() != nil {
		t.Error("it was not used once")
	}
}

package main

import "testing"

func TestConfirmsMayComeOutOfOrder(t *testing.T) {
	c := confirms{sent: 9}
	for i, step := range []struct {
		tag      uint64
		multiple bool
		left     uint64
	}{{2, false, 8}, {1, false, 7}, {5, false, 6}, {4, true, 4}, {9, false, 3}, {3, true, 3}, {9, true, 0}} {
		c.confirm(step.tag, step.multiple)
		if c.left() != step.left {
			t.Errorf("step %d: %d are left, want %d", i, c.left(), step.left)
		}
	}
}

func TestWhatCameAfterATimeIsFoundBetweenMilestones(t *testing.T) {
	progress := []milestone{{100, 10}, {200, 30}, {300, 40}}
	for at, want := range map[int64]uint64{50: 40, 100: 40, 150: 30, 200: 20, 250: 15, 300: 10, 400: 10} {
		if got := after(at, progress, 50); got != want {
			t.Errorf("%d came after %d, want %d", got, at, want)
		}
	}
}

func TestCreditWaitsForWhatIsGivenBack(t *testing.T) {
	c := newCredit(2)
	flushed := 0
	flush := func() error { flushed++; c.give(2); return nil }
	for range 4 {
		if err := c.take(flush); err != nil {
			t.Fatal(err)
		}
	}
	if flushed != 1 {
		t.Errorf("flushed %d times, want once: when no place was left", flushed)
	}
	c.give(1)
	c.give(1)
	if err := c.drain(2); err != nil {
		t.Fatal(err)
	}
	c.fail(errStopped)
	c.free = 0
	if err := c.take(nil); err != errStopped {
		t.Errorf("who waits for nothing is told %v", err)
	}
}

package coord_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/coord"
)

// Whoever may write to the mailboxes of this package can put anything there. These stories have time that passes by itself.
func alone(t *testing.T) (*postrider.Node, context.Context) {
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return n, ctx
}

type nonsense map[string]any

func write(t *testing.T, n *postrider.Node, box string, bodies ...any) {
	t.Helper()
	for _, b := range bodies {
		if err := n.Mailbox(box, postrider.SingleActive()).Send(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALockAmongNonsense(t *testing.T) {
	n, ctx := alone(t)
	write(t, n, "coord.lock.l", "no JSON", []byte{0xff}, nonsense{"number": "7"}, nonsense{"number": -1}, nonsense{"arrival": "a"},
		nonsense{"number": uint64(math.MaxUint64)}, nonsense{"number": uint64(math.MaxInt64)}, nonsense{})
	h, err := coord.NewLock(n, "l").Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if h.Fence() != 1 {
		t.Error("the fence is", h.Fence())
	}
	write(t, n, "coord.lock.l", nonsense{"number": 5}, "no JSON")
	h.Release()
	if h, err = coord.NewLock(n, "l").Acquire(ctx); err != nil || h.Fence() < 2 {
		t.Fatal(h, err)
	}
	h.Release()
}

// Each who gave up, or died, after he had sent a claim and before he had it back has left one. However many they are, they keep nobody from being served.
func TestClaimsThatNobodyFollowed(t *testing.T) {
	n, ctx := alone(t)
	for i := range 300 {
		for _, box := range []string{"coord.lock.l", "coord.value.v", "coord.value.w", "coord.barrier.b"} {
			write(t, n, box, nonsense{"id": fmt.Sprint(box, i), "number": 1 + i/2, "value": i})
		}
	}
	h, err := coord.NewLock(n, "l").Acquire(ctx)
	if err != nil || h.Fence() != 151 {
		t.Fatal(h, err)
	}
	h.Release()
	if x, err := coord.NewValue[int](n, "v").Get(ctx); err != nil || x.Number != 150 || x.Value != 298 {
		t.Error(x, err)
	}
	if x, err := coord.NewValue[int](n, "w").Set(ctx, 7); err != nil || x.Number != 151 {
		t.Error(x, err)
	}
	if err := coord.NewBarrier(n, "b", 1).Wait(ctx); err != nil {
		t.Error(err)
	}
}

// Nothing is higher than the highest number: who would be next learns so, lest two have the same.
func TestTheHighestNumberIsTheLast(t *testing.T) {
	n, ctx := alone(t)
	write(t, n, "coord.lock.l", nonsense{"number": uint64(1<<62 - 1)})
	h, err := coord.NewLock(n, "l").Acquire(ctx)
	if err != nil || h.Fence() != 1<<62 {
		t.Fatal(h, err)
	}
	h.Release()
	for range 2 {
		if h, err := coord.NewLock(n, "l").Acquire(ctx); err == nil || !strings.Contains(err.Error(), "coord: lock l: no number is left") {
			t.Fatal(h.Fence(), err)
		}
	}
	write(t, n, "coord.value.v", nonsense{"number": uint64(1 << 62), "value": 3})
	v := coord.NewValue[int](n, "v")
	if x, err := v.Set(ctx, 4); err == nil {
		t.Error("set in vain:", x)
	}
	if x, err := v.Get(ctx); err != nil || x.Value != 3 {
		t.Error(x, err)
	}
}

func TestABarrierAmongNonsense(t *testing.T) {
	n, ctx := alone(t)
	write(t, n, "coord.barrier.b", "no JSON", nonsense{"number": 3, "value": "no list"}, nonsense{"arrival": 1})
	if err := coord.NewBarrier(n, "b", 1).Wait(ctx); err != nil {
		t.Error(err)
	}
}

func TestAValueOfAnotherTypeIsReplaced(t *testing.T) {
	n, ctx := alone(t)
	write(t, n, "coord.value.v", nonsense{"number": 3})
	if _, err := coord.NewValue[string](n, "v").Set(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	v := coord.NewValue[int](n, "v")
	if x, err := v.Get(ctx); err == nil || errors.Is(err, coord.ErrNoValue) {
		t.Error(x, err)
	}
	_, err := v.Update(ctx, func(_ int, err error) (int, error) { return 7, err })
	if err == nil {
		t.Error("replaced by who did not want to")
	}
	x, err := v.Set(ctx, 7)
	if err != nil || x.Number <= 4 {
		t.Fatal(x, err)
	}
	if x, err = v.Get(ctx); err != nil || x.Value != 7 {
		t.Error(x, err)
	}
}

func TestAWatcherAmongNonsense(t *testing.T) {
	n, ctx := alone(t)
	v := coord.NewValue[int](n, "v")
	if _, err := v.Set(ctx, 1); err != nil {
		t.Fatal(err)
	}
	want := 1
	for x, err := range v.Watch(ctx) {
		if err != nil || x.Value != want {
			t.Fatal(x, err)
		}
		if want == 2 {
			return
		}
		want = 2
		for _, b := range []any{"no JSON", nonsense{}, nonsense{"number": 9, "value": "none"}, nonsense{"number": uint64(math.MaxUint64), "value": 3}} {
			if err := n.Topic("coord.value.v.news").Send(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := v.Set(ctx, 2); err != nil {
			t.Fatal(err)
		}
	}
}

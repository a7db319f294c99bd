package coord_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/coord"
	"github.com/postrider-mq/postrider/postridertest"
)

// A name that cannot be one is an error of whoever uses it, and does not keep him waiting.
func TestNamesThatCannotBe(t *testing.T) {
	n := postridertest.New(t).Node("n")
	for name, want := range map[string]string{"": "its name is 0 bytes long: want 1 to 200", strings.Repeat("n", 201): "its name is 201 bytes long: want"} {
		for what, use := range map[string]func(context.Context) error{
			"lock":      func(ctx context.Context) error { _, err := coord.NewLock(n, name).Acquire(ctx); return err },
			"semaphore": func(ctx context.Context) error { _, err := coord.NewSemaphore(n, name, 2).Acquire(ctx); return err },
			"barrier":   func(ctx context.Context) error { return coord.NewBarrier(n, name, 1).Wait(ctx) },
			"lead": func(ctx context.Context) error {
				return coord.NewElection(n, name).Lead(ctx, func(context.Context, uint64) error { return nil })
			},
			"leader": func(ctx context.Context) error { _, err := coord.NewElection(n, name).Leader(ctx); return err },
			"get":    func(ctx context.Context) error { _, err := coord.NewValue[int](n, name).Get(ctx); return err },
			"set":    func(ctx context.Context) error { _, err := coord.NewValue[int](n, name).Set(ctx, 1); return err },
			"watch": func(ctx context.Context) (err error) {
				for _, err = range coord.NewValue[int](n, name).Watch(ctx) {
				}
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if err := use(ctx); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s of a name of %d bytes: %v", what, len(name), err)
			}
			cancel()
		}
	}
	longest := strings.Repeat("n", 200)
	held, err := coord.NewSemaphore(n, longest, coord.MaxSlots).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held.Release()
	if _, err := coord.NewElection(n, longest).Leader(t.Context()); !errors.Is(err, coord.ErrNoValue) {
		t.Error(err)
	}
}

package postrider

import (
	"context"
	"iter"
	"sync"
)

// Gather asks all targets the same at once, as [Call] asks one, and yields the answers as they come:
//
//	for quote, err := range postrider.Gather[Quote](ctx, sellers, Ask{42}) {
//		if err != nil {
//			continue // a *GatherError: this one did not answer
//		}
//		…
//	}
//
// Each target yields once: its answer, or a [*GatherError] that names it. When ctx ends, or [Config.CallTimeout] is over where ctx has no deadline,
// those that have not answered yield that error, and the loop ends. Leaving the loop gives up on the answers that have not come. The request must not be changed
// before the loop has ended. An [ID] is that of all the calls: each target knows its repeats by it.
func Gather[T any](ctx context.Context, targets []*Target, request any, opts ...SendOption) iter.Seq2[T, error] {
	type answer struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var calls sync.WaitGroup
		defer calls.Wait() // they read the request
		defer cancel()
		answers := make(chan answer, len(targets))
		for _, t := range targets {
			calls.Go(func() {
				value, err := Call[T](ctx, t, request, opts...)
				if err != nil {
					err = &GatherError{Target: t, Err: err}
				}
				answers <- answer{value, err}
			})
		}
		for range targets {
			if a := <-answers; !yield(a.value, a.err) {
				return
			}
		}
	}
}

// GatherError says which target of a [Gather] did not answer, and why: what a [Call] of it returns.
type GatherError struct {
	Target *Target
	Err    error
}

func (e *GatherError) Error() string { return e.Target.String() + ": " + e.Err.Error() }
func (e *GatherError) Unwrap() error { return e.Err }

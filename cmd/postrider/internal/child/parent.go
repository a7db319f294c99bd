package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A Parent is whoever started this process and gives it orders O for reports R, as the child sees it.
type Parent[O, R any] struct {
	orders *json.Decoder

	mu  sync.Mutex
	out *json.Encoder
}

// NewParent speaks with the parent over stdin and stdout.
func NewParent[O, R any](in io.Reader, out io.Writer) *Parent[O, R] {
	return &Parent[O, R]{orders: json.NewDecoder(in), out: json.NewEncoder(out)}
}

// Setup reads the first line.
func (p *Parent[O, R]) Setup(into any) error {
	if err := p.orders.Decode(into); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

// Tell tells of an event. What it tells of has left this process when it returns.
func (p *Parent[O, R]) Tell(event R) { p.tell(reportLine[R]{Report: event}) }

func (p *Parent[O, R]) tell(r reportLine[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(r) // if nobody reads, stdin ends as well
}

// Serve says that the child is ready, and has orders carried out until there are no more or ctx ends, each in a goroutine of its own.
func (p *Parent[O, R]) Serve(ctx context.Context, do func(context.Context, O) (R, error)) error {
	p.tell(reportLine[R]{})
	failed := make(chan error, 1)
	go func() {
		for {
			var line orderLine[O]
			if err := p.orders.Decode(&line); err != nil {
				failed <- err
				return
			}
			go func() {
				r, err := do(ctx, line.Order)
				answer := reportLine[R]{Seq: line.Seq, Report: r}
				if err != nil {
					answer.Error = err.Error()
				}
				p.tell(answer)
			}()
		}
	}()
	select {
	case err := <-failed:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("orders: %w", err)
	case <-ctx.Done():
		return nil
	}
}

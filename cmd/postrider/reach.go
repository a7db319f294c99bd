package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// unreachable says why nobody answered at an address.
func unreachable(where string, err error) error {
	if errors.Is(err, errInterrupted) {
		return errInterrupted
	}
	if errors.As(err, new(ownFault)) {
		return err
	}
	err = fmt.Errorf("cannot reach %s: %w", where, err)
	if errors.As(err, new(timedOut)) {
		return remedied{err, "see that a broker or a node listens there, or wait longer: --timeout"}
	}
	return err
}

// ownFault is an error of this side's flags and files: nobody was asked.
type ownFault struct{ error }

func (e ownFault) Unwrap() error { return e.error }

// dial connects and logs in, within the timeout; 0 is no bound. The line lives as long as ctx.
func (o *nodeOptions) dial(ctx context.Context, at client.Address) (*probe.Line, error) {
	trust, err := o.tls()
	if err != nil {
		return nil, ownFault{err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	patience := o.timeout
	if patience <= 0 {
		patience = math.MaxInt64
	}
	late := time.AfterFunc(patience, func() { cancel(timedOut(patience)) })
	defer late.Stop()
	l, err := probe.Dial(ctx, at, trust)
	if err != nil && ctx.Err() != nil {
		if err = context.Cause(ctx); !errors.As(err, new(timedOut)) && !errors.Is(err, context.DeadlineExceeded) {
			err = errInterrupted
		}
	}
	return l, err
}

package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// StartBroker starts `postrider serve` and waits until it listens. more are further flags.
func StartBroker(ctx context.Context, program, address, dir string, more ...string) (*Process, error) {
	ready := make(chan struct{})
	p, err := Start("broker", program, append([]string{
		"serve", "--listen", address, "--dir", dir, "--log-level", "warn", "--until-eof",
	}, more...), func(stdout io.Reader) {
		if bufio.NewScanner(stdout).Scan() {
			close(ready)
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-ready:
		return p, nil
	case <-p.ended:
		return nil, errors.New("the broker did not start: " + p.Log())
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("the broker did not start: %w", context.Cause(ctx))
	}
}

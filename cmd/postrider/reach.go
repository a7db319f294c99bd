package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// unreachable says why nobody answered at an address, and what to do.
func unreachable(where string, err error) error {
	return withRemedy(fmt.Errorf("cannot reach %s: %w", where, err))
}

// remedy is what a person can do about an error; "" if there is nothing to say.
func remedy(err error) string {
	var refused *amqp.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there; start it, or correct the address"
	case errors.As(err, &refused):
		return refusalRemedy(refused)
	}
	return ""
}

// refusalRemedy is what can be done about a broker's refusal.
func refusalRemedy(refused *amqp.Error) string {
	switch {
	case refused.Code == amqp.AccessRefused && refused.Method == 0: // RabbitMQ names no method when it refuses a login
		return "check user and password: amqp://USER:PASSWORD@HOST:PORT"
	case refused.Code == amqp.AccessRefused:
		return "the user needs the permission: see postrider permission --help"
	case refused.Code == amqp.NotAllowed && strings.HasPrefix(refused.Text, "access to vhost"):
		return "the user needs permissions there: see postrider permission --help"
	case refused.Code == amqp.NotAllowed && strings.HasPrefix(refused.Text, "vhost "):
		return "check the virtual host at the end of the URL, or make it with: postrider vhost add"
	}
	return ""
}

// withRemedy adds what can be done.
func withRemedy(err error) error {
	if r := remedy(err); r != "" {
		return remedied{err, r}
	}
	return err
}

// remedied is an error with what can be done about it.
type remedied struct {
	error
	remedy string
}

func (r remedied) Error() string { return strings.TrimSuffix(r.error.Error(), ".") + ": " + r.remedy }
func (r remedied) Unwrap() error { return r.error }

// dial connects and logs in, within the timeout; 0 is no bound. The line lives as long as ctx.
func (o *nodeOptions) dial(ctx context.Context, at client.Address) (*probe.Line, error) {
	trust, err := o.tls()
	if err != nil {
		return nil, err
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
		err = context.Cause(ctx)
	}
	return l, err
}

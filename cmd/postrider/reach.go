package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/postrider-mq/postrider/amqp"
)

// unreachable says why nobody answered at an address, and what to do.
func unreachable(where string, err error) error {
	if remedy := remedy(err); remedy != "" {
		return fmt.Errorf("cannot reach %s: %w: %s", where, err, remedy)
	}
	return fmt.Errorf("cannot reach %s: %w", where, err)
}

// remedy is what a person can do about an error; "" if there is nothing to say.
func remedy(err error) string {
	var refused *amqp.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there; start it, or correct the address"
	case errors.As(err, &refused) && refused.Code == amqp.AccessRefused:
		return "check user and password: amqp://USER:PASSWORD@HOST:PORT"
	}
	return ""
}

// withRemedy adds what can be done.
func withRemedy(err error) error {
	if r := remedy(err); r != "" {
		return fmt.Errorf("%w: %s", err, r)
	}
	return err
}
